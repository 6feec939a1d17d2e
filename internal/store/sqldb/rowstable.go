package sqldb

import (
	"context"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"modernc.org/sqlite"
	"modernc.org/sqlite/vtab"
)

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
