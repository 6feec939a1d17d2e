package sqldb

import (
	"context"
	"database/sql/driver"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"modernc.org/sqlite"
	"modernc.org/sqlite/vtab"
)

// Rows collects the rows of a bulk statement as one parameter.
type Rows struct {
	buf   []byte
	count int
}

// The kinds of values, each followed by eight octets: the integer, or the length of the text after them.
const (
	rowInteger = 'i'
	rowText    = 't'
)

// Add appends a row of strings, integers, booleans (stored as 0 and 1) and json.RawMessage, which is stored as
// text. Text that is not UTF-8 is made so, and U+0000, which not every database can store, becomes U+FFFD.
func (r *Rows) Add(values ...any) {
	r.count++
	r.buf = append(r.buf, byte(len(values)))
	for _, v := range values {
		r.buf = appendValue(r.buf, v)
	}
}

// Reset forgets the rows.
func (r *Rows) Reset() { r.buf, r.count = r.buf[:0], 0 }

// Len is the number of rows.
func (r *Rows) Len() int { return r.count }

// Param is the parameter to pass.
func (r *Rows) Param() []byte { return r.buf }

func appendValue(buf []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return appendText(buf, v)
	case int64:
		return appendInteger(buf, v)
	case int:
		return appendInteger(buf, int64(v))
	case bool:
		if v {
			return appendInteger(buf, 1)
		}
		return appendInteger(buf, 0)
	case []byte:
		return appendText(buf, string(v))
	case json.RawMessage:
		return appendText(buf, string(v))
	}
	if rv := reflect.ValueOf(v); rv.Kind() == reflect.String {
		return appendText(buf, rv.String())
	}
	panic(fmt.Sprintf("a row value of type %T", v)) // a programming error
}

func appendInteger(buf []byte, n int64) []byte {
	return binary.LittleEndian.AppendUint64(append(buf, rowInteger), uint64(n))
}

// clean is text as every database can store it.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "\ufffd")
	}
	return s
}

func appendText(buf []byte, s string) []byte {
	s = clean(s)
	buf = binary.LittleEndian.AppendUint64(append(buf, rowText), uint64(len(s)))
	return append(buf, s...)
}

// From returns the source of a bulk statement: a table of the columns "name TEXT" or "name BIGINT",
// in the order of Rows.Add, read from the parameter, such as "$1".
func From(param string, columns ...string) string {
	var b strings.Builder
	b.WriteString("(SELECT ")
	for i, column := range columns {
		name, _, _ := strings.Cut(column, " ")
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "c%d AS %s", i, name)
	}
	fmt.Fprintf(&b, " FROM %s(%s) /* %s */)", rowsTable, param, strings.Join(columns, ", "))
	return b.String()
}

// columnsOf takes the parameter of Rows apart: a []int64 or []string for each column.
func columnsOf(param []byte, kinds []byte) ([]any, error) {
	integers, texts := make([][]int64, len(kinds)), make([][]string, len(kinds))
	for rest := string(param); rest != ""; {
		n := int(rest[0])
		rest = rest[1:]
		for i := range n {
			if len(rest) < 1+8 || i >= len(kinds) || rest[0] != kinds[i] {
				return nil, errRows
			}
			v := binary.LittleEndian.Uint64([]byte(rest[1 : 1+8]))
			rest = rest[1+8:]
			if kinds[i] == rowInteger {
				integers[i] = append(integers[i], int64(v))
				continue
			}
			if v > uint64(len(rest)) {
				return nil, errRows
			}
			texts[i], rest = append(texts[i], rest[:v]), rest[v:]
		}
	}
	columns := make([]any, len(kinds))
	for i, kind := range kinds {
		if kind == rowInteger {
			columns[i] = append([]int64{}, integers[i]...)
		} else {
			columns[i] = append([]string{}, texts[i]...)
		}
	}
	return columns, nil
}

// The rows table is how SQLite reads the parameter of a bulk statement (see Rows): a virtual table of columns
// c0, c1, … whose hidden column is the parameter. json_each would parse text again for every value, which made
// a fifth of the cost of an accepted message.
const (
	rowsTable   = "parley_rows"
	rowsColumns = 40
)

// connector opens connections that have the rows table.
type connector struct {
	driver *sqlite.Driver
	dsn    string
	setup  []string // statements that a new connection runs
}

func newConnector(dsn string, setup ...string) (*connector, error) {
	d := &sqlite.Driver{}
	if err := d.RegisterModule(rowsTable, rowsModule{}); err != nil {
		return nil, fmt.Errorf("registering %s: %w", rowsTable, err)
	}
	create := "CREATE VIRTUAL TABLE temp." + rowsTable + " USING " + rowsTable
	return &connector{driver: d, dsn: dsn, setup: append([]string{create}, setup...)}, nil
}

// Driver is part of driver.Connector.
func (c *connector) Driver() driver.Driver { return c.driver }

// Connect opens a connection.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.driver.Open(c.dsn)
	if err != nil {
		return nil, err
	}
	for _, text := range c.setup {
		if _, err := conn.(driver.ExecerContext).ExecContext(ctx, text, nil); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return conn, nil
}

type rowsModule struct{}

// Create declares the table.
func (m rowsModule) Create(ctx vtab.Context, _ []string) (vtab.Table, error) {
	var b strings.Builder
	b.WriteString("CREATE TABLE x(")
	for i := range rowsColumns {
		fmt.Fprintf(&b, "c%d, ", i)
	}
	b.WriteString("param HIDDEN)")
	return m, ctx.Declare(b.String())
}

// Connect declares the table.
func (m rowsModule) Connect(ctx vtab.Context, args []string) (vtab.Table, error) {
	return m.Create(ctx, args)
}

// BestIndex accepts one plan: all rows of the parameter, in order.
func (rowsModule) BestIndex(info *vtab.IndexInfo) error {
	for i := range info.Constraints {
		c := &info.Constraints[i]
		if c.Column == rowsColumns && c.Usable && c.Op == vtab.OpEQ {
			c.ArgIndex, c.Omit = 0, true
			info.EstimatedCost, info.EstimatedRows = maxUnits, maxUnits
			return nil
		}
	}
	return errors.New(rowsTable + " is read with its parameter only")
}

// Open begins to read.
func (rowsModule) Open() (vtab.Cursor, error) { return &rowsCursor{}, nil }

// Disconnect and Destroy have nothing to end.
func (rowsModule) Disconnect() error { return nil }

// Destroy is part of vtab.Table.
func (rowsModule) Destroy() error { return nil }

// rowsCursor reads the rows of one parameter.
type rowsCursor struct {
	rest   string // what follows the present row
	row    int64
	end    bool
	values [rowsColumns]vtab.Value
}

// errRows is a parameter that Rows did not make.
var errRows = errors.New(rowsTable + ": not a parameter of Rows")

// Filter begins with the first row of a parameter.
func (c *rowsCursor) Filter(_ int, _ string, values []vtab.Value) error {
	if len(values) != 1 {
		return errRows
	}
	param, ok := values[0].([]byte)
	if !ok && values[0] != nil {
		return errRows
	}
	*c = rowsCursor{rest: string(param)}
	return c.Next()
}

// Next reads the next row.
func (c *rowsCursor) Next() error {
	if c.rest == "" {
		c.end = true
		return nil
	}
	n := int(c.rest[0])
	c.rest = c.rest[1:]
	c.row++
	if n > rowsColumns {
		return errRows
	}
	for i := range n {
		if err := c.value(i); err != nil {
			return err
		}
	}
	return nil
}

func (c *rowsCursor) value(i int) error {
	if len(c.rest) < 1+8 {
		return errRows
	}
	kind, v := c.rest[0], binary.LittleEndian.Uint64([]byte(c.rest[1:1+8]))
	c.rest = c.rest[1+8:]
	if kind == rowInteger {
		c.values[i] = int64(v)
		return nil
	}
	if kind != rowText || v > uint64(len(c.rest)) {
		return errRows
	}
	c.values[i], c.rest = c.rest[:v], c.rest[v:]
	return nil
}

// Eof reports that there is no row.
func (c *rowsCursor) Eof() bool { return c.end }

// Column returns a value of the row; nil past its end.
func (c *rowsCursor) Column(i int) (vtab.Value, error) {
	if i >= rowsColumns {
		return nil, nil
	}
	return c.values[i], nil
}

// Rowid is the number of the row.
func (c *rowsCursor) Rowid() (int64, error) { return c.row, nil }

// Close ends reading.
func (c *rowsCursor) Close() error { return nil }
