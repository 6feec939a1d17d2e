package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"

	"github.com/parley-server/parley/api"
)

// Problem is why a row was not brought in, or not whole.
type Problem struct {
	Line    int    `json:"line"`
	Field   string `json:"field,omitempty"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Report is what became of a file.
type Report struct {
	Kind      string   `json:"kind"`
	DryRun    bool     `json:"dryRun"`
	Rows      int      `json:"rows"`
	Created   int      `json:"created"`
	Updated   int      `json:"updated"`
	Unchanged int      `json:"unchanged"`
	Wrong     int      `json:"wrong"`
	Unused    []string `json:"unusedColumns,omitempty"`
	// Through is the last line that is done: where to go on from, if the import was broken off.
	Through int `json:"throughLine"`
}

// Options are how a file is brought in.
type Options struct {
	Client  *api.Client
	Kind    string
	Mapping *Mapping
	DryRun  bool
	After   int // lines up to this one are left out
	// Problem is told of every row that was not brought in, or not whole.
	Problem func(Problem)
}

// item is a row on its way.
type item struct {
	line   int
	record record
}

// importer brings rows in.
type importer struct {
	Options
	report  Report
	waiting []item
	users   map[string]string // ids by e-mail address; empty: there is none
	named   map[string]string // ids of teams or roles by name
	plan    plan              // of a dry run
}

// batch is how many contacts go in one request.
const batch = 100

// Run brings the rows of a table in. An error ends it: the server cannot be reached or does not permit it, or the file is broken;
// the report says how far it came. What is wrong with a row is told to Problem, and others follow.
func Run(ctx context.Context, t *Table, o Options) (Report, error) {
	m := &importer{Options: o, users: map[string]string{}, plan: newPlan(), report: Report{Kind: o.Kind, DryRun: o.DryRun, Through: o.After}}
	if err := o.Mapping.Check(t.Columns); err != nil {
		return m.report, err
	}
	err := m.rows(ctx, t)
	if flushed := m.flush(ctx); err == nil {
		err = flushed
	}
	m.report.Unused = o.Mapping.unused
	return m.report, err
}

func (m *importer) rows(ctx context.Context, t *Table) error {
	for {
		row, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if row.Line <= m.After {
			continue
		}
		m.report.Rows++
		if row.Err != nil {
			m.wrong(Problem{Line: row.Line, Code: "row-unreadable", Message: row.Err.Error()})
			continue
		}
		m.waiting = append(m.waiting, item{row.Line, m.Mapping.record(&row)})
		if len(m.waiting) == batch {
			if err := m.flush(ctx); err != nil {
				return err
			}
		}
	}
}

func (m *importer) wrong(all ...Problem) {
	m.report.Wrong++
	for _, p := range all {
		m.Problem(p)
	}
}

// flush brings in what waits.
func (m *importer) flush(ctx context.Context) error {
	items := m.waiting
	m.waiting = nil
	if len(items) == 0 {
		return nil
	}
	var err error
	switch m.Kind {
	case Contacts:
		err = m.contacts(ctx, items)
	case Users:
		err = m.each(ctx, items, m.user)
	case Teams:
		err = m.each(ctx, items, m.team)
	case Roles:
		err = m.each(ctx, items, m.role)
	}
	return err
}

// each brings items in one by one.
func (m *importer) each(ctx context.Context, items []item, bring func(context.Context, record) (api.ImportOutcome, error)) error {
	for _, it := range items {
		outcome, err := bring(ctx, it.record)
		if err = m.refused(it.line, err); err != nil {
			return err
		}
		m.count(outcome)
		m.report.Through = it.line
	}
	return nil
}

func (m *importer) count(outcome api.ImportOutcome) {
	switch outcome {
	case api.ImportCreated:
		m.report.Created++
	case api.ImportUpdated:
		m.report.Updated++
	case api.ImportUnchanged:
		m.report.Unchanged++
	}
}

// refused notes what the server says is wrong with a row; any other error comes back.
func (m *importer) refused(line int, err error) error {
	if own, ok := errors.AsType[*rowError](err); ok {
		m.wrong(Problem{line, own.field, own.code, own.message})
		return nil
	}
	e, ok := errors.AsType[*api.Error](err)
	if !ok || e.HTTPStatus != 422 && e.HTTPStatus != 409 {
		return err
	}
	problems := []Problem{{Line: line, Code: e.Code, Message: e.Detail}}
	if len(e.Errors) > 0 {
		problems = nil
	}
	for _, f := range e.Errors {
		problems = append(problems, Problem{line, f.Field, f.Code, f.Message})
	}
	m.wrong(problems...)
	return nil
}

// rowError is what is wrong with a row before the server is asked.
type rowError struct{ field, code, message string }

func (e *rowError) Error() string { return e.field + ": " + e.message }

func refuse(field, code, format string, args ...any) error {
	return &rowError{field, code, fmt.Sprintf(format, args...)}
}

func (m *importer) contacts(ctx context.Context, items []item) error {
	request := api.ContactImport{DryRun: m.DryRun}
	var lines []int
	for _, it := range items {
		row, err := contactRow(it.record)
		if err := m.refused(it.line, err); err != nil {
			return err
		}
		if err == nil {
			request.Contacts, lines = append(request.Contacts, row), append(lines, it.line)
		}
	}
	if len(request.Contacts) > 0 {
		results, err := m.Client.ImportContacts(ctx, request)
		if refused, ok := errors.AsType[*api.Error](err); ok && refused.HTTPStatus == 422 && len(items) > 1 { // one row cannot be read at all
			for _, it := range items {
				if err := m.contacts(ctx, []item{it}); err != nil {
					return err
				}
			}
			return nil
		}
		if err != nil {
			return m.refused(lines[0], err)
		}
		for i, result := range results.Data {
			if m.DryRun {
				result.Outcome = m.plan.contact(request.Contacts[i], result.Outcome)
			}
			m.count(result.Outcome)
			if result.Outcome != api.ImportRefused {
				continue
			}
			var problems []Problem
			for _, f := range result.Errors {
				problems = append(problems, Problem{lines[i], f.Field, f.Code, f.Message})
			}
			m.wrong(problems...)
		}
	}
	m.report.Through = items[len(items)-1].line
	return nil
}

func contactRow(r record) (api.ContactRow, error) {
	row := api.ContactRow{Name: r.name(), Tags: r.list("tags"), ExternalID: r.one("externalId"), ExternalIDs: r.under("externalIds."), Attributes: r.under("attributes.")}
	for _, kind := range []string{"email", "phone", "fax"} {
		for _, value := range r.list(kind) {
			row.Addresses = append(row.Addresses, api.Address{Kind: kind, Value: value})
		}
	}
	for _, field := range []string{"address", "shared"} {
		for _, text := range r.list(field) {
			kind, value, found := strings.Cut(text, ":")
			if !found {
				return row, refuse(field, "address-invalid", "%q must be kind:value, such as telegram:ana", text)
			}
			row.Addresses = append(row.Addresses, api.Address{Kind: kind, Value: value, Shared: field == "shared"})
		}
	}
	return row, nil
}

// userID returns the id of the user with an e-mail address; empty where there is none.
func (m *importer) userID(ctx context.Context, email string) (string, error) {
	email = strings.ToLower(email)
	if id, known := m.users[email]; known {
		return id, nil
	}
	page, err := m.Client.ListUsers(ctx, api.UserFilter{Email: email})
	if err != nil {
		return "", err
	}
	if len(page.Data) > 0 {
		m.users[email] = page.Data[0].ID
	} else {
		m.users[email] = ""
	}
	return m.users[email], nil
}

func (m *importer) user(ctx context.Context, r record) (api.ImportOutcome, error) {
	email, name, metadata := r.one("email"), r.name(), r.under("metadata.")
	if email == "" {
		return "", refuse("email", "required", "must be given: a user is found by it")
	}
	user, found, err := m.findUser(ctx, email)
	if err != nil {
		return "", err
	}
	if !found {
		if name == "" {
			return "", refuse("name", "required", "must be given for a user that is made")
		}
		if m.DryRun {
			m.plan.users[strings.ToLower(email)] = api.User{Name: name, Metadata: metadata}
			return api.ImportCreated, nil
		}
		made, err := m.Client.CreateUser(ctx, api.UserRequest{Name: name, Email: email, Metadata: metadata})
		if err == nil {
			m.users[strings.ToLower(email)] = made.ID
		}
		return api.ImportCreated, err
	}
	patch, differs, after := api.UserPatch{}, false, maps.Clone(user.Metadata)
	if name != "" && name != user.Name {
		patch.Name, differs = &name, true
		user.Name = name
	}
	for key, value := range metadata {
		if user.Metadata[key] != value {
			if patch.Metadata == nil {
				patch.Metadata = map[string]*string{}
			}
			patch.Metadata[key], differs = &value, true
			if after == nil {
				after = map[string]string{}
			}
			after[key] = value
		}
	}
	if !differs {
		return api.ImportUnchanged, nil
	}
	if m.DryRun {
		user.Metadata = after
		m.plan.users[strings.ToLower(email)] = user
		return api.ImportUpdated, nil
	}
	_, err = m.Client.PatchUser(ctx, user.ID, patch)
	return api.ImportUpdated, err
}

// findUser returns the user with an e-mail address, of a dry run as it would be by then.
func (m *importer) findUser(ctx context.Context, email string) (user api.User, found bool, err error) {
	if user, found = m.plan.users[strings.ToLower(email)]; found {
		return user, true, nil
	}
	page, err := m.Client.ListUsers(ctx, api.UserFilter{Email: email})
	if err != nil || len(page.Data) == 0 {
		return user, false, err
	}
	return page.Data[0], true, nil
}

// members are the ids of the users of a row.
func (m *importer) members(ctx context.Context, r record) ([]string, error) {
	var ids []string
	for _, email := range r.list("members") {
		id, err := m.userID(ctx, email)
		if err != nil {
			return nil, err
		}
		if id == "" {
			return nil, refuse("members", "user-unknown", "there is no user with the e-mail address %s", email)
		}
		ids = append(ids, id)
	}
	return ids, nil
}
