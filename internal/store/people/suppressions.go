package people

import (
	"database/sql"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

var (
	insertSuppressions = `INSERT INTO suppressions (organization_id, address_kind, address, platform, class, id, reason, note, actor_id,
		message_id, created_at)
	SELECT $1, j.kind, j.address, j.platform, j.class, j.id, j.reason, j.note, j.actor_id, j.message_id, $2 FROM ` +
		sqldb.From("$3", "kind TEXT", "address TEXT", "platform TEXT", "class TEXT", "id TEXT", "reason TEXT", "note TEXT", "actor_id TEXT",
			"message_id TEXT") + ` AS j WHERE true ON CONFLICT DO NOTHING`

	bumpWith = `UPDATE conversations SET rev = rev + 1 WHERE organization_id = $1 AND id IN (SELECT p.conversation_id FROM ` +
		sqldb.From("$2", "kind TEXT", "address TEXT") + ` AS j JOIN participants AS p ON p.organization_id = $1 AND p.address_kind = j.kind
			AND p.address = j.address AND p.address <> '')`
)

// Suppress keeps messages from addresses, and says how many of the suppressions are new. Sends that are under way look again.
func Suppress(tx *store.Tx, organization parley.ID, all ...parley.Suppression) (int64, error) {
	tx.MustHave(organization)
	var rows sqldb.Rows
	for i := range all {
		s := &all[i]
		s.CreatedAt = tx.Now
		rows.Add(string(s.Address.Kind), s.Address.Value, s.Platform, string(s.Class), string(s.ID), string(s.Reason), s.Note, string(s.Actor),
			string(s.Message))
	}
	if rows.Len() == 0 {
		return 0, nil
	}
	n, err := tx.Conn().Exec(insertSuppressions, string(organization), store.Millis(tx.Now), rows.Param())
	if err != nil || n == 0 {
		return n, err
	}
	return n, bump(tx, organization, all)
}

// bump raises the revisions of the conversations with the addresses of suppressions, so that remembered routes are stale.
func bump(tx *store.Tx, organization parley.ID, all []parley.Suppression) error {
	var rows sqldb.Rows
	seen := map[string]bool{}
	for _, s := range all {
		if name := s.Address.String(); !seen[name] {
			seen[name] = true
			rows.Add(string(s.Address.Kind), s.Address.Value)
		}
	}
	_, err := tx.Conn().Exec(bumpWith, string(organization), rows.Param())
	return err
}

// Allow takes suppressions back that Suppressed returned.
func Allow(tx *store.Tx, organization parley.ID, all ...parley.Suppression) error {
	for _, s := range all {
		if err := exec(tx, organization, sqldb.Statement{Text: "DELETE FROM suppressions WHERE organization_id = $1 AND id = $2",
			Args: []any{string(organization), string(s.ID)}}); err != nil {
			return err
		}
	}
	if len(all) == 0 {
		return nil
	}
	return bump(tx, organization, all)
}

const suppressionColumns = `s.address_kind, s.address, s.platform, s.class, s.id, s.reason, s.note, s.actor_id, s.message_id, s.created_at`

func scanSuppression(r *sql.Rows, s *parley.Suppression, before ...any) error {
	var created int64
	err := r.Scan(append(before, &s.Address.Kind, &s.Address.Value, &s.Platform, &s.Class, &s.ID, &s.Reason, &s.Note, &s.Actor, &s.Message, &created)...)
	s.CreatedAt = store.Moment(created)
	return err
}

var suppressionsOf = `SELECT j.n, ` + suppressionColumns + ` FROM ` + sqldb.From("$2", "n BIGINT", "kind TEXT", "address TEXT") + ` AS j
	JOIN suppressions AS s ON s.organization_id = $1 AND s.address_kind = j.kind AND s.address = j.address`

// Suppressed returns the suppressions of addresses, under which each is named as it was asked for.
func Suppressed(q store.Queries, organization parley.ID, addresses ...parley.Address) ([]parley.Suppression, error) {
	var rows sqldb.Rows
	for i, a := range addresses {
		hashed := a.Hashed(organization)
		rows.Add(i, string(a.Kind), a.Value)
		rows.Add(i, string(a.Kind), hashed.Value)
	}
	if rows.Len() == 0 {
		return nil, nil
	}
	var all []parley.Suppression
	err := q.Conn().Query(suppressionsOf, []any{string(organization), rows.Param()}, func(r *sql.Rows) error {
		var n int
		var s parley.Suppression
		err := scanSuppression(r, &s, &n)
		s.Address = parley.Address{Kind: addresses[n].Kind, Value: addresses[n].Value}
		all = append(all, s)
		return err
	})
	return all, err
}

// Suppression returns one by its id.
func Suppression(q store.Queries, organization, id parley.ID) (s parley.Suppression, err error) {
	absent := true
	err = q.Conn().Query("SELECT "+suppressionColumns+" FROM suppressions AS s WHERE s.organization_id = $1 AND s.id = $2",
		[]any{string(organization), string(id)}, func(r *sql.Rows) error {
			absent = false
			return scanSuppression(r, &s)
		})
	if err == nil && absent {
		err = parley.NotFound("suppression", id)
	}
	return s, err
}

// SuppressionFilter narrows a list of suppressions. Empty fields do not.
type SuppressionFilter struct {
	Kind     parley.AddressKind
	Platform string
	Class    parley.MessageClass
	Reason   parley.SuppressionReason
}

// examined bounds what one page of a filtered list reads.
const examined = 2000

// Suppressions returns up to limit suppressions that pass the filter, with ids after one. It examines a bounded number: next is
// where to go on, empty at the end.
func Suppressions(q store.Queries, organization parley.ID, f SuppressionFilter, after parley.ID, limit int) (page []parley.Suppression, next parley.ID, err error) {
	rows := 0
	more := false
	err = q.Conn().Query("SELECT "+suppressionColumns+" FROM suppressions AS s WHERE s.organization_id = $1 AND s.id > $2 ORDER BY s.id LIMIT $3",
		[]any{string(organization), string(after), examined}, func(r *sql.Rows) error {
			var s parley.Suppression
			if err := scanSuppression(r, &s); err != nil {
				return err
			}
			rows++
			passes := (f.Kind == "" || f.Kind == s.Address.Kind) && (f.Platform == "" || f.Platform == s.Platform) &&
				(f.Class == "" || f.Class == s.Class) && (f.Reason == "" || f.Reason == s.Reason)
			switch {
			case more:
			case passes && len(page) == limit:
				more = true
			default:
				next = s.ID
				if passes {
					page = append(page, s)
				}
			}
			return nil
		})
	if !more && rows < examined {
		next = ""
	}
	return page, next, err
}
