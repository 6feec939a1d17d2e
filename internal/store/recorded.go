package store

import (
	"cmp"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"slices"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// Recorded is what is kept of a message that happened elsewhere besides itself. It goes with no idempotency record: what is refused
// leaves none behind.
type Recorded struct {
	ExternalID string // what it is called there; empty: nothing
	// Contact is whom it is counted of, for whoever records: at most Max in a time that the first of them begins. Max 0: it is not counted.
	Contact  parley.ID
	Recorder string
	Max      int
	Per      time.Duration

	// Set by an append, also by one that is refused for there being too many: how many were counted, and until when.
	Used  int
	Until time.Time
}

// Why what happened elsewhere is not recorded.
var (
	ErrRecordNamed   = errors.New("another message has the external id")
	ErrRecordCounted = errors.New("too many messages are recorded")
)

// recordHash is how many octets are kept of the hash of an external id.
const recordHash = 16

// RecordHash is an external id as it is kept.
func RecordHash(organization parley.ID, id string) string {
	sum := sha256.Sum256([]byte(string(organization) + "\x00" + id))
	return base64.RawURLEncoding.EncodeToString(sum[:recordHash])
}

// record counts and names the messages of a batch that happened elsewhere, and returns why some of them are refused.
func (tx *Tx) record(batch []*Append) (refused map[*Append]error, err error) {
	recorded := make([]*Append, 0, len(batch))
	for _, a := range batch {
		if a.Recorded != nil {
			recorded = append(recorded, a)
		}
	}
	if len(recorded) == 0 {
		return nil, nil
	}
	refused = map[*Append]error{}
	if err := tx.countRecords(recorded, refused); err != nil {
		return nil, err
	}
	return refused, tx.nameRecords(recorded, refused)
}

// recordCount is a row of record_counts, and the messages of a batch that it counts.
type recordCount struct {
	organization, contact parley.ID
	recorder              string
}

func (c recordCount) compare(o recordCount) int {
	return cmp.Or(cmp.Compare(c.organization, o.organization), cmp.Compare(c.contact, o.contact), cmp.Compare(c.recorder, o.recorder))
}

var (
	countedRows  = sqldb.From("$1", "organization_id TEXT", "contact_id TEXT", "recorder TEXT", "recorded BIGINT", "until_at BIGINT")
	countRecords = `INSERT INTO record_counts (organization_id, contact_id, recorder, recorded, until_at)
		SELECT organization_id, contact_id, recorder, recorded, until_at FROM ` + countedRows + ` AS j WHERE true
		ON CONFLICT (organization_id, contact_id, recorder) DO UPDATE SET
			recorded = CASE WHEN record_counts.until_at <= $2 THEN excluded.recorded ELSE record_counts.recorded + excluded.recorded END,
			until_at = CASE WHEN record_counts.until_at <= $2 THEN excluded.until_at ELSE record_counts.until_at END
		RETURNING organization_id, contact_id, recorder, recorded, until_at`
	uncountRecords = `UPDATE record_counts SET recorded = record_counts.recorded - j.recorded FROM ` + countedRows + ` AS j
		WHERE record_counts.organization_id = j.organization_id AND record_counts.contact_id = j.contact_id AND record_counts.recorder = j.recorder`
)

// counted groups the messages of a batch that are counted, in one order everywhere: other nodes may count the same ones now.
func counted(batch []*Append, which func(*Append) bool) (groups map[recordCount][]*Append, order []recordCount) {
	groups = map[recordCount][]*Append{}
	for _, a := range batch {
		if r := a.Recorded; r.Max > 0 && which(a) {
			c := recordCount{a.Organization, r.Contact, r.Recorder}
			if groups[c] == nil {
				order = append(order, c)
			}
			groups[c] = append(groups[c], a)
		}
	}
	slices.SortFunc(order, recordCount.compare)
	return groups, order
}

// countRecords counts messages, and refuses those that are too many; these are not counted.
func (tx *Tx) countRecords(batch []*Append, refused map[*Append]error) error {
	groups, order := counted(batch, func(*Append) bool { return true })
	if len(order) == 0 {
		return nil
	}
	var rows sqldb.Rows
	for _, c := range order {
		until := tx.Now.Add(groups[c][0].Recorded.Per)
		rows.Add(string(c.organization), string(c.contact), c.recorder, len(groups[c]), Millis(until))
	}
	err := tx.c.Query(countRecords, []any{rows.Param(), Millis(tx.Now)}, func(r *sql.Rows) error {
		var c recordCount
		var n int
		var until int64
		err := r.Scan(&c.organization, &c.contact, &c.recorder, &n, &until)
		group := groups[c]
		for i, a := range group {
			a.Recorded.Used, a.Recorded.Until = min(n-len(group)+1+i, a.Recorded.Max), Moment(until)
			if n-len(group)+1+i > a.Recorded.Max {
				refused[a] = ErrRecordCounted
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	return tx.uncount(batch, func(a *Append) bool { return refused[a] != nil })
}

// uncount takes back that messages were counted.
func (tx *Tx) uncount(batch []*Append, which func(*Append) bool) error {
	groups, order := counted(batch, which)
	if len(order) == 0 {
		return nil
	}
	var rows sqldb.Rows
	for _, c := range order {
		rows.Add(string(c.organization), string(c.contact), c.recorder, len(groups[c]), 0)
	}
	_, err := tx.c.Exec(uncountRecords, rows.Param())
	return err
}

var (
	nameRecords = `INSERT INTO record_ids (organization_id, hash, message_id) SELECT organization_id, hash, message_id FROM ` +
		sqldb.From("$1", "organization_id TEXT", "hash TEXT", "message_id TEXT") + ` AS j WHERE true ON CONFLICT DO NOTHING`
	namedRecords = `SELECT j.n, r.message_id FROM ` + sqldb.From("$1", "n BIGINT", "organization_id TEXT", "hash TEXT") + ` AS j
		JOIN record_ids AS r ON r.organization_id = j.organization_id AND r.hash = j.hash`
)

// nameRecords gives messages the ids that they have elsewhere, and refuses those whose id another message has; these are not counted.
func (tx *Tx) nameRecords(batch []*Append, refused map[*Append]error) error {
	type name struct {
		*Append
		hash string
	}
	var names []name
	for _, a := range batch {
		if a.Recorded.ExternalID != "" && refused[a] == nil {
			names = append(names, name{a, RecordHash(a.Organization, a.Recorded.ExternalID)})
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.SortStableFunc(names, func(a, b name) int {
		return cmp.Or(cmp.Compare(a.Organization, b.Organization), cmp.Compare(a.hash, b.hash))
	})
	var rows, mine sqldb.Rows
	for n, a := range names {
		rows.Add(string(a.Organization), a.hash, string(a.Message.ID))
		mine.Add(n, string(a.Organization), a.hash)
	}
	won, err := tx.c.Exec(nameRecords, rows.Param())
	if err != nil || won == int64(rows.Len()) {
		return err
	}
	taken := map[*Append]bool{}
	err = tx.c.Query(namedRecords, []any{mine.Param()}, func(r *sql.Rows) error {
		var n int
		var message parley.ID
		err := r.Scan(&n, &message)
		if message != names[n].Message.ID {
			taken[names[n].Append], refused[names[n].Append] = true, ErrRecordNamed
		}
		return err
	})
	if err != nil {
		return err
	}
	return tx.uncount(batch, func(a *Append) bool { return taken[a] })
}
