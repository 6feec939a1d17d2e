package store

import (
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// LabelKind is a kind of what conversations are found by.
type LabelKind string

// The kinds of labels.
const (
	LabelTag      LabelKind = "tag"
	LabelAssignee LabelKind = "assignee" // the id of a user or a team
)

var (
	dropLabels = `DELETE FROM conversation_labels WHERE organization_id = $1 AND conversation_id = $2 AND (kind, label) NOT IN (SELECT kind, label FROM ` +
		sqldb.From("$3", "kind TEXT", "label TEXT") + ` AS j)`
	insertLabels = `INSERT INTO conversation_labels (organization_id, conversation_id, kind, label) SELECT $1, $2, kind, label FROM ` +
		sqldb.From("$3", "kind TEXT", "label TEXT") + ` AS j WHERE true ON CONFLICT DO NOTHING`
)

// Relabel has a conversation found by its tags, and by whom it is given to. Whoever changes these calls it.
func (tx *Tx) Relabel(organization parley.ID, c *parley.Conversation) error {
	rows := labelsOf(c)
	if _, err := tx.c.Exec(dropLabels, string(organization), string(c.ID), rows.Param()); err != nil {
		return err
	}
	return tx.label(organization, c)
}

// label is Relabel of a conversation that is new.
func (tx *Tx) label(organization parley.ID, c *parley.Conversation) error {
	if len(c.Tags)+len(c.Assignees) == 0 {
		return nil
	}
	rows := labelsOf(c)
	_, err := tx.c.Exec(insertLabels, string(organization), string(c.ID), rows.Param())
	return err
}

func labelsOf(c *parley.Conversation) (rows sqldb.Rows) {
	for _, tag := range c.Tags {
		rows.Add(string(LabelTag), tag)
	}
	for _, a := range c.Assignees {
		rows.Add(string(LabelAssignee), string(a.ID))
	}
	return rows
}

// CountLabelled returns how many conversations have a label, up to a limit.
func (q Queries) CountLabelled(organization parley.ID, kind LabelKind, label string, limit int) (n int, err error) {
	err = q.c.Row(`SELECT count(*) FROM (SELECT 1 FROM conversation_labels WHERE organization_id = $1 AND kind = $2 AND label = $3 LIMIT $4) AS found`,
		[]any{string(organization), string(kind), label, limit}, &n)
	return n, err
}

// Labelled returns up to limit conversations with a label, of a status or of any, in order of their ids.
func (q Queries) Labelled(organization parley.ID, kind LabelKind, label string, status parley.ConversationStatus, limit int) ([]parley.ID, error) {
	return q.ids(`SELECT l.conversation_id FROM conversation_labels AS l WHERE l.organization_id = $1 AND l.kind = $2 AND l.label = $3
		AND ($4 = '' OR EXISTS (SELECT 1 FROM conversations AS c WHERE c.organization_id = $1 AND c.id = l.conversation_id AND c.status = $4))
		ORDER BY l.conversation_id LIMIT $5`, string(organization), string(kind), label, string(status), limit)
}
