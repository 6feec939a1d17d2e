package coretest

import (
	"database/sql"
	"path/filepath"

	"github.com/parley-server/parley/internal/pgtest"
)

// Tables is the world's database as somebody sees it who opens it beside the server.
type Tables struct {
	*sql.DB
	Columns  []Column
	Contains string // the condition that the column %q holds the text $1
}

// Column is a column of a table.
type Column struct{ Table, Name, Type string }

// Tables opens the world's database for reading until the test ends.
func (w *World) Tables() *Tables {
	w.T.Helper()
	t := &Tables{Contains: "instr(CAST(%q AS TEXT), $1) > 0"}
	text := "SELECT m.name, c.name, c.type FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c WHERE m.type = 'table'"
	if url := pgtest.Chosen(w.T, w.Folder); url != "" {
		t.DB, t.Contains = pgtest.Open(w.T, url), "position($1 IN CAST(%q AS TEXT)) > 0"
		text = "SELECT table_name, column_name, upper(data_type) FROM information_schema.columns WHERE table_schema = 'public'"
	} else {
		db, err := sql.Open("sqlite", "file:"+filepath.Join(w.Folder, "parley.db")+"?_pragma=query_only(ON)")
		w.Must(err)
		w.T.Cleanup(func() { _ = db.Close() })
		t.DB = db
	}
	rows, err := t.Query(text)
	w.Must(err)
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var c Column
		w.Must(rows.Scan(&c.Table, &c.Name, &c.Type))
		t.Columns = append(t.Columns, c)
	}
	w.Must(rows.Err())
	return t
}
