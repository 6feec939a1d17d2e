package importer

import (
	"maps"
	"slices"
	"strings"

	"github.com/parley-server/parley/api"
)

// plan is what a dry run has come to so far: the server knows nothing of the rows before one.
type plan struct {
	contacts map[string]*foreseen // by each of what identifies them
	users    map[string]api.User  // by e-mail address
	teams    map[string]api.Team  // by id
	roles    map[string]api.Role  // by id
}

func newPlan() plan {
	return plan{contacts: map[string]*foreseen{}, users: map[string]api.User{}, teams: map[string]api.Team{}, roles: map[string]api.Role{}}
}

// foreseen is a contact as rows so far have it.
type foreseen struct {
	row     api.ContactRow
	outcome api.ImportOutcome // of the first of them
}

// contact is what would become of a row that the server would answer with an outcome, had it not had those before it.
func (p *plan) contact(row api.ContactRow, outcome api.ImportOutcome) api.ImportOutcome {
	if outcome == api.ImportRefused {
		return outcome
	}
	var before *foreseen
	names := identities(&row)
	for _, name := range names {
		if before == nil {
			before = p.contacts[name]
		}
	}
	if before == nil {
		before = &foreseen{row: api.ContactRow{Attributes: map[string]string{}, ExternalIDs: map[string]string{}}, outcome: outcome}
		before.learn(&row)
	} else if known := outcome == api.ImportUnchanged && before.outcome == outcome; !before.learn(&row) || known {
		outcome = api.ImportUnchanged
	} else {
		outcome = api.ImportUpdated
	}
	for _, name := range names {
		p.contacts[name] = before
	}
	return outcome
}

// identities are what a contact is found by, each once in an organization.
func identities(row *api.ContactRow) (names []string) {
	if row.ExternalID != "" {
		names = append(names, "id "+row.ExternalID)
	}
	for _, system := range slices.Sorted(maps.Keys(row.ExternalIDs)) {
		names = append(names, "id of "+system+" "+row.ExternalIDs[system])
	}
	for _, a := range row.Addresses {
		if !a.Shared {
			names = append(names, "address "+plainAddress(a))
		}
	}
	return names
}

// plainAddress is an address however it is written.
func plainAddress(a api.Address) string {
	value := strings.ToLower(strings.TrimSpace(a.Value))
	if a.Kind == "phone" || a.Kind == "fax" {
		value = strings.Map(func(c rune) rune {
			if c >= '0' && c <= '9' || c == '+' {
				return c
			}
			return -1
		}, value)
	}
	return a.Kind + ":" + value
}

// learn adds what a row says, and says whether that is new.
func (f *foreseen) learn(row *api.ContactRow) (changed bool) {
	set := func(field *string, value string) {
		if value != "" && *field != value {
			*field, changed = value, true
		}
	}
	set(&f.row.Name, row.Name)
	set(&f.row.ExternalID, row.ExternalID)
	facts := func(have, more map[string]string) {
		for key, value := range more {
			if was, has := have[key]; !has || was != value {
				have[key], changed = value, true
			}
		}
	}
	facts(f.row.Attributes, row.Attributes)
	facts(f.row.ExternalIDs, row.ExternalIDs)
	for _, tag := range row.Tags {
		if !slices.Contains(f.row.Tags, tag) {
			f.row.Tags, changed = append(f.row.Tags, tag), true
		}
	}
	for _, a := range row.Addresses {
		if !slices.ContainsFunc(f.row.Addresses, func(b api.Address) bool { return plainAddress(a) == plainAddress(b) }) {
			f.row.Addresses, changed = append(f.row.Addresses, a), true
		}
	}
	return changed
}
