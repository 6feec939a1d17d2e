package store

import "database/sql"

// Plan returns how the database would run a statement, a line for each step.
func (q Queries) Plan(text string, args ...any) (steps []string, err error) {
	err = q.c.Query("EXPLAIN QUERY PLAN "+text, args, func(r *sql.Rows) error {
		var id, parent, unused int
		var step string
		err := r.Scan(&id, &parent, &unused, &step)
		steps = append(steps, step)
		return err
	})
	return steps, err
}

// Schema returns what a query of the schema answers, a list for each row.
func (q Queries) Schema(text string, args ...any) (rows [][]string, err error) {
	err = q.c.Query(text, args, func(r *sql.Rows) error {
		columns, err := r.Columns()
		if err != nil {
			return err
		}
		row, into := make([]string, len(columns)), make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		rows = append(rows, row)
		return r.Scan(into...)
	})
	return rows, err
}
