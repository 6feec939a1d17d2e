package people

import (
	"database/sql"
	"encoding/json"
	"slices"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// KindBlocked is the kind of parked messages of blocked senders. The message that such a row names is its block.
const KindBlocked = "blocked"

// Block adds a blocked sender; false where it is blocked already.
func Block(tx *store.Tx, organization parley.ID, b *parley.BlockedSender) (bool, error) {
	tx.MustHave(organization)
	b.CreatedAt = tx.Now
	n, err := tx.Conn().Exec(`INSERT INTO blocked_senders (organization_id, id, contact_id, address_kind, address, note, actor_id, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`, string(organization), string(b.ID), string(b.Contact),
		string(b.Address.Kind), b.Address.Value, b.Note, string(b.Actor), store.Millis(tx.Now))
	return n > 0, err
}

// Unblock takes a block away. What was parked under it stays parked.
func Unblock(tx *store.Tx, organization, id parley.ID) error {
	tx.MustHave(organization)
	n, err := tx.Conn().Exec("DELETE FROM blocked_senders WHERE organization_id = $1 AND id = $2", string(organization), string(id))
	if err == nil && n == 0 {
		err = parley.NotFound("blocked sender", id)
	}
	return err
}

const blockedColumns = `b.id, b.contact_id, b.address_kind, b.address, b.note, b.actor_id, b.created_at,
	(SELECT count(*) FROM parked AS p WHERE p.organization_id = b.organization_id AND p.message_id = b.id AND p.message_id <> '')`

func scanBlocked(r *sql.Rows, b *parley.BlockedSender) error {
	var created int64
	err := r.Scan(&b.ID, &b.Contact, &b.Address.Kind, &b.Address.Value, &b.Note, &b.Actor, &created, &b.Parked)
	b.CreatedAt = store.Moment(created)
	return err
}

func blocked(q store.Queries, what parley.ID, text string, args ...any) (b parley.BlockedSender, err error) {
	absent := true
	err = q.Conn().Query("SELECT "+blockedColumns+" FROM "+text, args, func(r *sql.Rows) error {
		absent = false
		return scanBlocked(r, &b)
	})
	if err == nil && absent {
		err = parley.NotFound("blocked sender", what)
	}
	return b, err
}

// Blocked returns a blocked sender by its id.
func Blocked(q store.Queries, organization, id parley.ID) (parley.BlockedSender, error) {
	return blocked(q, id, "blocked_senders AS b WHERE b.organization_id = $1 AND b.id = $2", string(organization), string(id))
}

// BlockedContact returns the block of a contact.
func BlockedContact(q store.Queries, organization, contact parley.ID) (parley.BlockedSender, error) {
	return blocked(q, contact, "blocked_senders AS b WHERE b.organization_id = $1 AND b.contact_id = $2 AND b.contact_id <> ''",
		string(organization), string(contact))
}

// BlockedAddress returns the block of an address, whoever has it.
func BlockedAddress(q store.Queries, organization parley.ID, a parley.Address) (parley.BlockedSender, error) {
	return blocked(q, parley.ID(a.String()), "blocked_senders AS b WHERE b.organization_id = $1 AND b.address_kind = $2 AND b.address = $3 AND b.address <> ''",
		string(organization), string(a.Kind), a.Value)
}

// Two lookups rather than an OR: one of the address itself or its hash, one of the contact that it identifies.
const blockOf = `SELECT b.id FROM blocked_senders AS b WHERE b.organization_id = $1 AND b.address_kind = $2 AND b.address IN ($3, $4) AND b.address <> ''
	UNION ALL SELECT b.id FROM contact_addresses AS a JOIN blocked_senders AS b ON b.organization_id = a.organization_id
		AND b.contact_id = a.contact_id AND b.contact_id <> ''
	WHERE a.organization_id = $1 AND a.kind = $2 AND a.value = $3 AND a.shared = 0`

// BlockOf returns the block under which messages from an address are parked; empty where there is none.
func BlockOf(q store.Queries, organization parley.ID, a parley.Address) (block parley.ID, err error) {
	err = q.Conn().Query(blockOf, []any{string(organization), string(a.Kind), a.Value, a.Hashed(organization).Value}, func(r *sql.Rows) error {
		return r.Scan(&block)
	})
	return block, err
}

// BlockedSenders returns up to limit blocked senders with ids after one.
func BlockedSenders(q store.Queries, organization, after parley.ID, limit int) ([]parley.BlockedSender, error) {
	var page []parley.BlockedSender
	err := q.Conn().Query("SELECT "+blockedColumns+" FROM blocked_senders AS b WHERE b.organization_id = $1 AND b.id > $2 ORDER BY b.id LIMIT $3",
		[]any{string(organization), string(after), limit}, func(r *sql.Rows) error {
			var b parley.BlockedSender
			err := scanBlocked(r, &b)
			page = append(page, b)
			return err
		})
	return page, err
}

// ParkedTwin reports whether a message is parked already.
func ParkedTwin(q store.Queries, organization, channel parley.ID, reference string) (found bool, err error) {
	err = q.Conn().Row(`SELECT EXISTS (SELECT 1 FROM parked WHERE organization_id = $1 AND channel_id = $2 AND reference = $3)`,
		[]any{string(organization), string(channel), reference}, &found)
	return found, err
}

// ParkedOf takes out up to limit of what was parked under a block, oldest first.
func ParkedOf(tx *store.Tx, organization, block parley.ID, limit int) ([]store.Parked, error) {
	tx.MustHave(organization)
	var all []store.Parked
	err := tx.Conn().Query(`SELECT id, channel_id, raw FROM parked WHERE organization_id = $1 AND message_id = $2 AND message_id <> ''
		ORDER BY id LIMIT $3`, []any{string(organization), string(block), limit}, func(r *sql.Rows) error {
		var p store.Parked
		err := r.Scan(&p.ID, &p.Channel, &p.Raw)
		all = append(all, p)
		return err
	})
	if err != nil || len(all) == 0 {
		return nil, err
	}
	var rows sqldb.Rows
	for _, p := range all {
		rows.Add(string(p.ID))
	}
	return all, exec(tx, organization, sqldb.Statement{Text: dropParked, Args: []any{string(organization), rows.Param()}})
}

var dropParked = `DELETE FROM parked WHERE organization_id = $1 AND id IN (SELECT id FROM ` + sqldb.From("$2", "id TEXT") + ` AS j)`

// fileUnder puts what is parked under a block.
var fileUnder = `UPDATE parked SET message_id = $2 WHERE organization_id = $1 AND id IN (SELECT id FROM ` + sqldb.From("$3", "id TEXT") + ` AS j)`

// MoveBlocks makes the block of a contact that becomes a part of another that of the other. Where both are blocked, the other's has
// from then on what was parked under either.
func MoveBlocks(tx *store.Tx, organization, from, into parley.ID) error {
	return exec(tx, organization,
		sqldb.Statement{Text: `UPDATE blocked_senders SET contact_id = $3 WHERE organization_id = $1 AND contact_id = $2 AND contact_id <> ''
			AND NOT EXISTS (SELECT 1 FROM blocked_senders AS o WHERE o.organization_id = $1 AND o.contact_id = $3 AND o.contact_id <> '')`,
			Args: []any{string(organization), string(from), string(into)}},
		sqldb.Statement{Text: `UPDATE parked SET message_id = (SELECT o.id FROM blocked_senders AS o WHERE o.organization_id = $1 AND o.contact_id = $3 AND o.contact_id <> '')
			WHERE organization_id = $1 AND message_id <> '' AND message_id IN
				(SELECT b.id FROM blocked_senders AS b WHERE b.organization_id = $1 AND b.contact_id = $2 AND b.contact_id <> '')`,
			Args: []any{string(organization), string(from), string(into)}},
		sqldb.Statement{Text: "DELETE FROM blocked_senders WHERE organization_id = $1 AND contact_id = $2 AND contact_id <> ''",
			Args: []any{string(organization), string(from)}})
}

// KeepBlock makes the block of a contact that is deleted one of each address that identified it, which has what came from there.
func KeepBlock(tx *store.Tx, organization parley.ID, contact *parley.Contact) error {
	b, err := BlockedContact(tx.Queries, organization, contact.ID)
	if parley.IsKind(err, parley.KindNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	var blocks []parley.BlockedSender
	for _, a := range contact.Addresses {
		if a.Shared {
			continue
		}
		one := parley.BlockedSender{ID: parley.NewID(tx.Now), Address: parley.Address{Kind: a.Kind, Value: a.Value}, Note: b.Note, Actor: b.Actor}
		made, err := Block(tx, organization, &one)
		if err == nil && !made {
			one, err = BlockedAddress(tx.Queries, organization, one.Address)
		}
		if err != nil {
			return err
		}
		blocks = append(blocks, one)
	}
	if err := divide(tx, organization, b.ID, blocks); err != nil {
		return err
	}
	return Unblock(tx, organization, b.ID)
}

// divide puts what is parked under a block under those of the addresses that it came from; what came from one that the contact has
// no more, under the first of them.
func divide(tx *store.Tx, organization, block parley.ID, blocks []parley.BlockedSender) error {
	if len(blocks) == 0 {
		return nil
	}
	parts := make([]sqldb.Rows, len(blocks))
	err := tx.Conn().Query("SELECT id, raw FROM parked WHERE organization_id = $1 AND message_id = $2 AND message_id <> ''",
		[]any{string(organization), string(block)}, func(r *sql.Rows) error {
			var id, raw string
			if err := r.Scan(&id, &raw); err != nil {
				return err
			}
			var came struct{ From parley.Address }
			if err := json.Unmarshal([]byte(raw), &came); err != nil {
				return err
			}
			at := slices.IndexFunc(blocks, func(b parley.BlockedSender) bool {
				return b.Address.Kind == came.From.Kind && b.Address.Value == came.From.Value
			})
			parts[max(at, 0)].Add(id)
			return nil
		})
	for i := range parts {
		if err == nil && parts[i].Len() > 0 {
			err = exec(tx, organization, sqldb.Statement{Text: fileUnder, Args: []any{string(organization), string(blocks[i].ID), parts[i].Param()}})
		}
	}
	return err
}
