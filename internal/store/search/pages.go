package search

import (
	"database/sql"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

var insertPages = `INSERT INTO search_pages (organization_id, segment, kind, word, part, data)
	SELECT $1, $2, kind, word, part, data FROM ` + sqldb.From("$3", "kind TEXT", "word TEXT", "part BIGINT", "data TEXT") + ` AS j`

// InsertPages adds pages to a segment.
func InsertPages(tx *store.Tx, organization parley.ID, segment int64, pages []Page) error {
	var rows sqldb.Rows
	for i := range pages {
		rows.Add(pages[i].Kind, pages[i].Word, pages[i].Part, pages[i].Data)
	}
	_, err := tx.Conn().Exec(insertPages, string(organization), segment, rows.Param())
	return err
}

// DeletePages deletes up to limit pages of a segment, and says how many there were.
func DeletePages(tx *store.Tx, organization parley.ID, segment int64, limit int) (int64, error) {
	return tx.Conn().Exec(`DELETE FROM search_pages WHERE organization_id = $1 AND segment = $2 AND (kind, word, part) IN
		(SELECT p.kind, p.word, p.part FROM search_pages AS p WHERE p.organization_id = $1 AND p.segment = $2 ORDER BY p.kind, p.word, p.part LIMIT $3)`,
		string(organization), segment, limit)
}

// pagesAfter returns up to limit pages of one kind that come after a place in a segment.
func pagesAfter(q store.Queries, organization parley.ID, segment int64, kind string, word string, part int64, limit int) ([]Page, error) {
	var pages []Page
	err := q.Conn().Query(`SELECT word, part, data FROM search_pages WHERE organization_id = $1 AND segment = $2 AND kind = $3
		AND (word, part) > ($4, $5) ORDER BY word, part LIMIT $6`, []any{string(organization), segment, kind, word, part, limit},
		func(r *sql.Rows) error {
			p := Page{Kind: kind}
			err := r.Scan(&p.Word, &p.Part, &p.Data)
			pages = append(pages, p)
			return err
		})
	return pages, err
}

// ask is a word that is looked up in a segment.
type ask struct {
	segment int64
	word    string
}

func askRows(asks []ask, more func(i int) string) []byte {
	var rows sqldb.Rows
	for i, a := range asks {
		if more != nil {
			rows.Add(i, a.segment, a.word, more(i))
		} else {
			rows.Add(i, a.segment, a.word)
		}
	}
	return rows.Param()
}

var wordPages = `SELECT j.n, p.data FROM ` + sqldb.From("$1", "n BIGINT", "segment BIGINT", "word TEXT") + ` AS j CROSS JOIN search_pages AS p
	WHERE p.organization_id = $2 AND p.segment = j.segment AND p.kind = 'd' AND p.part = 0 AND p.word = (SELECT max(f.word)
		FROM search_pages AS f WHERE f.organization_id = $2 AND f.segment = j.segment AND f.kind = 'd' AND f.word <= j.word)`

// wordPages calls f with the page in which each word would be.
func readWordPages(q store.Queries, organization parley.ID, asks []ask, f func(n int, page string) error) error {
	return readPages(q, wordPages, askRows(asks, nil), organization, f)
}

var prefixPages = `SELECT j.n, p.data FROM ` + sqldb.From("$1", "n BIGINT", "segment BIGINT", "word TEXT", "upto TEXT") + ` AS j
	CROSS JOIN search_pages AS p WHERE p.organization_id = $2 AND p.segment = j.segment AND p.kind = 'd' AND p.word > j.word AND p.word < j.upto`

// highest comes after every character that follows in a word.
const highest = "\U0010ffff"

// readPrefixPages calls f with the pages that begin with a longer word, for each of some beginnings.
func readPrefixPages(q store.Queries, organization parley.ID, asks []ask, f func(n int, page string) error) error {
	return readPages(q, prefixPages, askRows(asks, func(i int) string { return asks[i].word + highest }), organization, f)
}

var listPages = `SELECT j.n, p.data FROM ` + sqldb.From("$1", "n BIGINT", "segment BIGINT", "word TEXT") + ` AS j CROSS JOIN search_pages AS p
	WHERE p.organization_id = $2 AND p.segment = j.segment AND p.kind = 'l' AND p.word = j.word`

// readLists calls f with the pages of long lists.
func readLists(q store.Queries, organization parley.ID, asks []ask, f func(n int, page string) error) error {
	return readPages(q, listPages, askRows(asks, nil), organization, f)
}

var columnPages = `SELECT j.n, p.data FROM ` + sqldb.From("$1", "n BIGINT", "segment BIGINT", "part BIGINT") + ` AS j
	CROSS JOIN search_pages AS p WHERE p.organization_id = $2 AND p.segment = j.segment AND p.kind = 'i' AND p.word = '' AND p.part = j.part`

// columnPage is a page of places.
type columnPage struct {
	segment int64
	part    int
}

func readColumns(q store.Queries, organization parley.ID, asks []columnPage, f func(n int, page string) error) error {
	var rows sqldb.Rows
	for i, a := range asks {
		rows.Add(i, a.segment, a.part)
	}
	return readPages(q, columnPages, rows.Param(), organization, f)
}

// readScopePages calls f with the pages that say who sees what a segment holds.
func readScopePages(q store.Queries, organization parley.ID, segment int64, f func(page string) error) error {
	return q.Conn().Query("SELECT data FROM search_pages WHERE organization_id = $1 AND segment = $2 AND kind = 's'",
		[]any{string(organization), segment}, func(r *sql.Rows) error {
			var page string
			if err := r.Scan(&page); err != nil {
				return err
			}
			return f(page)
		})
}

func readPages(q store.Queries, text string, rows []byte, organization parley.ID, f func(n int, page string) error) error {
	return q.Conn().Query(text, []any{rows, string(organization)}, func(r *sql.Rows) error {
		var n int
		var page string
		if err := r.Scan(&n, &page); err != nil {
			return err
		}
		return f(n, page)
	})
}
