package escalation

import (
	"database/sql"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// JobEscalate is the next thing to be done about an escalation: going on, or after its end closing its group. The payload is
// its id.
const JobEscalate store.JobKind = "escalate"

// Job is the job of an escalation.
func Job(organization parley.ID, e *parley.Escalation) store.Job {
	return store.Job{Organization: organization, ID: store.JobID(JobEscalate, string(e.ID)), Kind: JobEscalate, DueAt: e.DueAt,
		Message: e.Message, Payload: string(e.ID)}
}

// Insert adds an escalation. A message has one at a time that is active.
func Insert(tx *store.Tx, organization parley.ID, e *parley.Escalation) error {
	tx.MustHave(organization)
	e.Rev = 1
	policy, err := store.EncodeJSON(e.Policy)
	if err != nil {
		return err
	}
	_, err = tx.Conn().Exec(`INSERT INTO escalations (organization_id, id, code, message_id, conversation_id, role_id, originator_id, group_id, copy_id,
			level, state, reason, started_by_id, started_at, due_at, ended_by_id, ended_at, policy, sequence, group_sequence, rev)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, 1)`,
		string(organization), string(e.ID), e.Code, string(e.Message), string(e.Conversation), string(e.Role), string(e.Originator), string(e.Group),
		string(e.Copy), e.Level, string(e.State), e.Reason, string(e.StartedBy), store.Millis(e.StartedAt), store.Millis(e.DueAt), string(e.EndedBy),
		store.Millis(e.EndedAt), policy, e.Sequence, e.GroupSequence)
	if sqldb.IsUnique(err) {
		return parley.Conflict("already-escalating", "the message escalates already")
	}
	return err
}

// Update writes what became of an escalation, and raises the revision.
func Update(tx *store.Tx, organization parley.ID, e *parley.Escalation) error {
	tx.MustHave(organization)
	err := tx.Conn().Row(`UPDATE escalations SET group_id = $1, copy_id = $2, level = $3, state = $4, reason = $5, due_at = $6, ended_by_id = $7,
			ended_at = $8, sequence = $9, group_sequence = $10, rev = rev + 1 WHERE organization_id = $11 AND id = $12 RETURNING rev`,
		[]any{string(e.Group), string(e.Copy), e.Level, string(e.State), e.Reason, store.Millis(e.DueAt), string(e.EndedBy), store.Millis(e.EndedAt),
			e.Sequence, e.GroupSequence, string(organization), string(e.ID)}, &e.Rev)
	return store.Found(err, "escalation", e.ID)
}

const columns = `e.id, e.code, e.message_id, e.conversation_id, e.role_id, e.originator_id, e.group_id, e.copy_id, e.level, e.state, e.reason,
	e.started_by_id, e.started_at, e.due_at, e.ended_by_id, e.ended_at, e.policy, e.sequence, e.group_sequence, e.rev`

func escalations(q store.Queries, text string, args ...any) ([]parley.Escalation, error) {
	var list []parley.Escalation
	err := q.Conn().Query("SELECT "+columns+" FROM escalations AS e WHERE "+text, args, func(r *sql.Rows) error {
		var e parley.Escalation
		var policy string
		var started, due, ended int64
		err := r.Scan(&e.ID, &e.Code, &e.Message, &e.Conversation, &e.Role, &e.Originator, &e.Group, &e.Copy, &e.Level, &e.State, &e.Reason,
			&e.StartedBy, &started, &due, &e.EndedBy, &ended, &policy, &e.Sequence, &e.GroupSequence, &e.Rev)
		if err != nil {
			return err
		}
		e.StartedAt, e.DueAt, e.EndedAt = store.Moment(started), store.Moment(due), store.Moment(ended)
		if err := store.DecodeJSON(policy, &e.Policy); err != nil {
			return err
		}
		list = append(list, e)
		return nil
	})
	return list, err
}

// Get returns an escalation.
func Get(q store.Queries, organization, id parley.ID) (parley.Escalation, error) {
	list, err := escalations(q, "e.organization_id = $1 AND e.id = $2", string(organization), string(id))
	if err == nil && len(list) == 0 {
		err = parley.NotFound("escalation", id)
	}
	if err != nil {
		return parley.Escalation{}, err
	}
	return list[0], nil
}

const activeOf = `SELECT m.id FROM escalations AS m WHERE m.organization_id = $1 AND m.message_id = $2 AND m.state = 'active'
	UNION ALL SELECT c.id FROM escalations AS c WHERE c.organization_id = $1 AND c.copy_id = $2 AND c.copy_id <> '' AND c.state = 'active'`

// Active returns the escalation under way of a message, or of the one that it is the copy of; nil where there is none.
func Active(q store.Queries, organization, message parley.ID) (*parley.Escalation, error) {
	list, err := escalations(q, "e.organization_id = $1 AND e.id IN ("+activeOf+")", string(organization), string(message))
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

var ofMessages = `SELECT j.n, e.id, e.state, e.copy_id FROM ` + sqldb.From("$1", "n BIGINT", "organization_id TEXT", "id TEXT") + ` AS j
	JOIN escalations AS e ON e.organization_id = j.organization_id AND e.message_id = j.id ORDER BY j.n, e.id`

// Of is an escalation of one of some messages.
type Of struct {
	Place  int // of the message among them
	ID     parley.ID
	Active bool
	Copied bool // there is a copy in its group
}

// OfMessages returns the escalations of messages that go. It is one of the named reads across organizations.
func OfMessages(q store.Queries, batch []store.Erasure) (found []Of, err error) {
	var rows sqldb.Rows
	for n, e := range batch {
		rows.Add(n, string(e.Organization), string(e.Message.ID))
	}
	err = q.Conn().Query(ofMessages, []any{rows.Param()}, func(r *sql.Rows) error {
		var of Of
		var state parley.EscalationState
		var copied parley.ID
		err := r.Scan(&of.Place, &of.ID, &state, &copied)
		of.Active, of.Copied = state == parley.EscalationActive, copied != ""
		found = append(found, of)
		return err
	})
	return found, err
}

// Filter narrows a list of escalations. Empty fields do not.
type Filter struct {
	State        parley.EscalationState
	Role         parley.ID
	Conversation parley.ID // of the message, or the group
	Message      parley.ID
}

// List returns up to limit escalations that pass the filter, newest first, before one; the empty id is the beginning.
func List(q store.Queries, organization parley.ID, f Filter, before parley.ID, limit int) ([]parley.Escalation, error) {
	if before == "" {
		before = "~" // after every id
	}
	const page = " AND e.id < $2 ORDER BY e.id DESC LIMIT $3"
	args := []any{string(organization), string(before), limit}
	const state = " AND ($4 = '' OR e.state = $4)"
	const role = " AND ($5 = '' OR e.role_id = $5)"
	switch {
	case f.Message != "":
		return escalations(q, "e.organization_id = $1 AND e.message_id = $6"+state+role+page, append(args, string(f.State), string(f.Role), string(f.Message))...)
	case f.Conversation != "":
		return escalations(q, `e.organization_id = $1 AND e.id IN (SELECT m.id FROM escalations AS m WHERE m.organization_id = $1 AND m.conversation_id = $6
			UNION ALL SELECT g.id FROM escalations AS g WHERE g.organization_id = $1 AND g.group_id = $6 AND g.group_id <> '')`+state+role+page,
			append(args, string(f.State), string(f.Role), string(f.Conversation))...)
	case f.Role != "":
		return escalations(q, "e.organization_id = $1 AND e.role_id = $5"+state+page, append(args, string(f.State), string(f.Role))...)
	case f.State != "":
		return escalations(q, "e.organization_id = $1 AND e.state = $4"+page, append(args, string(f.State))...)
	}
	return escalations(q, "e.organization_id = $1"+page, args...)
}

const leaveAll = `UPDATE participants SET left_sequence = 1 + (SELECT c.last_sequence FROM conversations AS c
		WHERE c.organization_id = $1 AND c.id = $2)
	WHERE organization_id = $1 AND conversation_id = $2 AND left_sequence = 0`

// LeaveAll ends the parts of all in a group, users and roles.
func LeaveAll(tx *store.Tx, organization, group parley.ID) error {
	tx.MustHave(organization)
	_, err := tx.Conn().Exec(leaveAll, string(organization), string(group))
	return err
}
