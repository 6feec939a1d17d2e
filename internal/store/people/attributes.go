package people

import (
	"database/sql"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// definitions is the table of the definitions of a subject's attributes.
func definitions(of parley.AttributeSubject) string {
	if of == parley.OfConversations {
		return "conversation_attributes"
	}
	return "attribute_definitions"
}

// Define adds the definition of an attribute, or changes its label, its choices and whether it is archived.
func Define(tx *store.Tx, organization parley.ID, a *parley.Attribute) error {
	tx.MustHave(organization)
	choices, err := store.EncodeJSON(a.Choices)
	if err != nil {
		return err
	}
	var created int64
	table := definitions(a.Of)
	err = tx.Conn().Row(`INSERT INTO `+table+` (organization_id, key, type, label, choices, archived, rev, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, 1, $7) ON CONFLICT (organization_id, key) DO UPDATE SET label = excluded.label,
			choices = excluded.choices, archived = excluded.archived, rev = `+table+`.rev + 1
		RETURNING rev, created_at`,
		[]any{string(organization), a.Key, string(a.Type), a.Label, choices, a.Archived, store.Millis(tx.Now)}, &a.Rev, &created)
	a.CreatedAt = store.Moment(created)
	return err
}

const attributeColumns = "a.key, a.type, a.label, a.choices, a.archived, a.rev, a.created_at"

func attributes(q store.Queries, of parley.AttributeSubject, text string, args ...any) ([]parley.Attribute, error) {
	var list []parley.Attribute
	err := q.Conn().Query("SELECT "+attributeColumns+" FROM "+definitions(of)+text, args, func(r *sql.Rows) error {
		a := parley.Attribute{Of: of}
		var choices string
		var created int64
		if err := r.Scan(&a.Key, &a.Type, &a.Label, &choices, &a.Archived, &a.Rev, &created); err != nil {
			return err
		}
		a.CreatedAt = store.Moment(created)
		list = append(list, a)
		return store.DecodeJSON(choices, &list[len(list)-1].Choices)
	})
	return list, err
}

// Attributes returns up to limit definitions with keys after one, in order of their keys.
func Attributes(q store.Queries, organization parley.ID, of parley.AttributeSubject, after string, limit int) ([]parley.Attribute, error) {
	return attributes(q, of, " AS a WHERE a.organization_id = $1 AND a.key > $2 ORDER BY a.key LIMIT $3",
		string(organization), after, limit)
}

var attributesByKey = ` AS a WHERE a.organization_id = $1 AND a.key IN (SELECT key FROM ` +
	sqldb.From("$2", "key TEXT") + ` AS j)`

// AttributesByKey returns the definitions that there are of some keys.
func AttributesByKey(q store.Queries, organization parley.ID, of parley.AttributeSubject, keys ...string) (map[string]*parley.Attribute, error) {
	var rows sqldb.Rows
	for _, key := range keys {
		rows.Add(key)
	}
	list, err := attributes(q, of, attributesByKey, string(organization), rows.Param())
	byKey := make(map[string]*parley.Attribute, len(list))
	for i := range list {
		byKey[list[i].Key] = &list[i]
	}
	return byKey, err
}
