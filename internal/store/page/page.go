// Package page has the tables of pages: whom somebody called to a conversation, and who has come.
package page

import (
	"database/sql"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// JobRemind is the next time that those are reminded who have not come; its payload is the id of the page.
const JobRemind store.JobKind = "page"

// RemindJob is the timer of a page.
func RemindJob(organization, id parley.ID, due time.Time) store.Job {
	return store.Job{Organization: organization, ID: store.JobID(JobRemind, string(id)), Kind: JobRemind, DueAt: due, Payload: string(id)}
}

var insert = `INSERT INTO pages (organization_id, id, conversation_id, message_id, who_kind, who_id, by_id, urgency, each_one, state, remind_every,
		reminders, reminded, ended_by, ended_at, created_at)
	SELECT $2, id, conversation_id, message_id, who_kind, who_id, by_id, urgency, each_one, 'open', remind_every, reminders, 0, '', 0, $3 FROM ` +
	sqldb.From("$1", "id TEXT", "conversation_id TEXT", "message_id TEXT", "who_kind TEXT", "who_id TEXT", "by_id TEXT", "urgency TEXT",
		"each_one BIGINT", "remind_every BIGINT", "reminders BIGINT") + ` AS j`

// Insert adds open pages.
func Insert(tx *store.Tx, organization parley.ID, pages []parley.Page) error {
	tx.MustHave(organization)
	var rows sqldb.Rows
	for i := range pages {
		p := &pages[i]
		p.State, p.CreatedAt = parley.PageOpen, tx.Now
		each := 0
		if p.Each {
			each = 1
		}
		rows.Add(string(p.ID), string(p.Conversation), string(p.Message), string(p.Who.Kind), string(p.Who.ID), string(p.By), string(p.Urgency), each,
			p.RemindEvery.Milliseconds(), p.Reminders)
	}
	_, err := tx.Conn().Exec(insert, rows.Param(), string(organization), store.Millis(tx.Now))
	return err
}

// End ends an open page.
func End(tx *store.Tx, organization parley.ID, p *parley.Page) error {
	tx.MustHave(organization)
	p.EndedAt = tx.Now
	_, err := tx.Conn().Exec(`UPDATE pages SET state = $1, ended_by = $2, ended_at = $3 WHERE organization_id = $4 AND id = $5 AND state = 'open'`,
		string(p.State), string(p.EndedBy), store.Millis(tx.Now), string(organization), string(p.ID))
	if err != nil {
		return err
	}
	return tx.Done([]store.Job{RemindJob(organization, p.ID, time.Time{})})
}

// Reminded counts a reminder of a page.
func Reminded(tx *store.Tx, organization parley.ID, p *parley.Page) error {
	tx.MustHave(organization)
	p.Reminded++
	_, err := tx.Conn().Exec("UPDATE pages SET reminded = reminded + 1 WHERE organization_id = $1 AND id = $2", string(organization), string(p.ID))
	return err
}

// Answer keeps that a user has resolved a page that each resolves, and says whether it was the first time.
func Answer(tx *store.Tx, organization, page, user parley.ID) (first bool, err error) {
	tx.MustHave(organization)
	n, err := tx.Conn().Exec("INSERT INTO page_answers (organization_id, page_id, user_id, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
		string(organization), string(page), string(user), store.Millis(tx.Now))
	return n > 0, err
}

const columns = `p.id, p.conversation_id, p.message_id, p.who_kind, p.who_id, p.by_id, p.urgency, p.each_one, p.state, p.remind_every, p.reminders,
	p.reminded, p.ended_by, p.ended_at, p.created_at`

func pages(q store.Queries, organization parley.ID, from string, args ...any) (list []parley.Page, err error) {
	err = q.Conn().Query("SELECT "+columns+" FROM "+from, args, func(r *sql.Rows) error {
		var p parley.Page
		var each bool
		var every, ended, created int64
		err := r.Scan(&p.ID, &p.Conversation, &p.Message, &p.Who.Kind, &p.Who.ID, &p.By, &p.Urgency, &each, &p.State, &every, &p.Reminders, &p.Reminded,
			&p.EndedBy, &ended, &created)
		p.Each, p.RemindEvery, p.EndedAt, p.CreatedAt = each, time.Duration(every)*time.Millisecond, store.Moment(ended), store.Moment(created)
		list = append(list, p)
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, complete(q, organization, list)
}

var (
	answersOf = "SELECT page_id, user_id, at FROM page_answers WHERE organization_id = $1 AND page_id IN " + store.IDSource + " ORDER BY page_id, at, user_id"
	namesOf   = `SELECT id, name FROM users WHERE organization_id = $1 AND id IN ` + store.IDSource + `
		UNION ALL SELECT id, name FROM teams WHERE organization_id = $1 AND id IN ` + store.IDSource + `
		UNION ALL SELECT id, name FROM roles WHERE organization_id = $1 AND id IN ` + store.IDSource + `
		UNION ALL SELECT id, name FROM organizations WHERE id = $1`
)

// complete adds what whoever was called is called, and who has answered.
func complete(q store.Queries, organization parley.ID, list []parley.Page) error {
	if len(list) == 0 {
		return nil
	}
	var who, each []parley.ID
	at := make(map[parley.ID]*parley.Page, len(list))
	for i := range list {
		p := &list[i]
		who, at[p.ID] = append(who, p.Who.ID), p
		if p.Each {
			each = append(each, p.ID)
		}
	}
	names := map[parley.ID]string{}
	err := q.Conn().Query(namesOf, []any{string(organization), store.IDRows(who)}, func(r *sql.Rows) error {
		var id parley.ID
		var name string
		err := r.Scan(&id, &name)
		names[id] = name
		return err
	})
	for i := range list {
		list[i].Who.Name = names[list[i].Who.ID]
		if list[i].Who.Kind == parley.ActorOrganization {
			list[i].Who.Name = names[organization]
		}
	}
	if err != nil || len(each) == 0 {
		return err
	}
	return q.Conn().Query(answersOf, []any{string(organization), store.IDRows(each)}, func(r *sql.Rows) error {
		var id parley.ID
		var a parley.PageAnswer
		var answered int64
		err := r.Scan(&id, &a.User, &answered)
		a.At = store.Moment(answered)
		at[id].Answers = append(at[id].Answers, a)
		return err
	})
}

var ofMessages = "pages AS p WHERE p.organization_id = $1 AND p.message_id IN " + store.IDSource + " ORDER BY p.id"

// OfMessages returns the pages of some messages, in the order of their ids.
func OfMessages(q store.Queries, organization parley.ID, messages []parley.ID) ([]parley.Page, error) {
	if len(messages) == 0 {
		return nil, nil
	}
	return pages(q, organization, ofMessages, string(organization), store.IDRows(messages))
}

// Get returns a page.
func Get(q store.Queries, organization, id parley.ID) (parley.Page, error) {
	list, err := pages(q, organization, "pages AS p WHERE p.organization_id = $1 AND p.id = $2", string(organization), string(id))
	if err == nil && len(list) == 0 {
		err = parley.NotFound("page", id)
	}
	if err != nil {
		return parley.Page{}, err
	}
	return list[0], nil
}

// Of says which pages a list holds: of a message, of a conversation, of those whom somebody is among, or all.
type Of struct {
	Message      parley.ID
	Conversation parley.ID
	Called       []parley.Actor // by kind and id
	States       []parley.PageState
	Unanswered   parley.ID // a user: not those that it has answered
}

// last is after every id.
const last = "~"

var (
	called = sqldb.From("$2", "kind TEXT", "id TEXT", "state TEXT") + ` AS j CROSS JOIN pages AS p WHERE p.organization_id = $1 AND p.id IN
		(SELECT x.id FROM pages AS x WHERE x.organization_id = $1 AND x.who_kind = j.kind AND x.who_id = j.id AND x.state = j.state AND x.id < $3
			AND NOT EXISTS (SELECT 1 FROM page_answers AS a WHERE a.organization_id = $1 AND a.page_id = x.id AND a.user_id = $4)
			ORDER BY x.id DESC LIMIT $5) ORDER BY p.id DESC LIMIT $5`
	inStates = sqldb.From("$2", "state TEXT") + ` AS j CROSS JOIN pages AS p WHERE p.organization_id = $1 AND p.id IN
		(SELECT x.id FROM pages AS x WHERE x.organization_id = $1 AND x.state = j.state AND x.id < $3 ORDER BY x.id DESC LIMIT $4)
		ORDER BY p.id DESC LIMIT $4`
)

// List returns up to limit pages with ids below one, or from the newest, newest first.
func List(q store.Queries, organization parley.ID, of Of, before parley.ID, limit int) ([]parley.Page, error) {
	if before == "" {
		before = last
	}
	var rows sqldb.Rows
	o, b := string(organization), string(before)
	switch {
	case of.Message != "":
		list, err := pages(q, organization, "pages AS p WHERE p.organization_id = $1 AND p.message_id = $2 AND p.id < $3 ORDER BY p.id DESC LIMIT $4",
			o, string(of.Message), b, limit)
		return list, err
	case of.Conversation != "":
		return pages(q, organization, "pages AS p WHERE p.organization_id = $1 AND p.conversation_id = $2 AND p.id < $3 ORDER BY p.id DESC LIMIT $4",
			o, string(of.Conversation), b, limit)
	case of.Called != nil:
		for _, who := range of.Called {
			for _, state := range of.States {
				rows.Add(string(who.Kind), string(who.ID), string(state))
			}
		}
		return pages(q, organization, called, o, rows.Param(), b, string(of.Unanswered), limit)
	}
	for _, state := range of.States {
		rows.Add(string(state))
	}
	return pages(q, organization, inStates, o, rows.Param(), b, limit)
}
