package sqldb

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// One text of SQL serves both databases. What differs in it is here and in embedded.adapt: where the rows of a bulk
// statement come from, how text is compared, and how tables are stored.

var (
	rowsSource = regexp.MustCompile(`\(SELECT [^()]* FROM ` + rowsTable + `\(\$([0-9]+)\) /\* ([^*]*) \*/\)`)
	oneOfRows  = regexp.MustCompile(`IN \(SELECT [a-z_]+ FROM \(SELECT c0 AS [a-z_]+ FROM ` + rowsTable + `\(\$([0-9]+)\) /\* [a-z_]+ TEXT \*/\)( AS [a-z]+)?\)`)
	parameter  = regexp.MustCompile(`\$([0-9]+)`)
	textColumn = regexp.MustCompile(`\bTEXT\b`)
)

// schema makes a migration PostgreSQL's own: text is compared by its bytes, and there are no tables without row ids.
func (p *postgres) schema(m Migration) string {
	return textColumn.ReplaceAllString(strings.ReplaceAll(m.SQL, "WITHOUT ROWID", ""), `TEXT COLLATE "C"`) + m.Postgres
}

// rowsParam is a parameter that holds Rows: its first column takes its place, the others follow all parameters.
type rowsParam struct {
	index int // from 0
	kinds []byte
	first int // the number of the parameter that the second column is, from 1
}

// adapt reads the rows of a bulk statement from an array a column. What is one of such rows is looked up by an index,
// whatever the planner thinks of the table.
func (p *postgres) adapt(text string) statement {
	var rows []rowsParam
	for _, m := range oneOfRows.FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(m[1])
		rows = append(rows, rowsParam{index: n - 1, kinds: []byte{rowText}})
	}
	text = oneOfRows.ReplaceAllString(text, "= ANY ($$$1::text[])")
	last := 0
	for _, m := range parameter.FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(m[1])
		last = max(last, n)
	}
	text = rowsSource.ReplaceAllStringFunc(text, func(source string) string {
		m := rowsSource.FindStringSubmatch(source)
		n, _ := strconv.Atoi(m[1])
		columns := strings.Split(m[2], ", ")
		param := rowsParam{index: n - 1, first: last + 1}
		known := slices.IndexFunc(rows, func(r rowsParam) bool { return r.index == param.index })
		if known >= 0 {
			param = rows[known]
		}
		from, kinds := unnest(param, columns)
		if known < 0 {
			param.kinds = kinds
			rows = append(rows, param)
			last += len(columns) - 1
		}
		return from
	})
	return statement{text: text, bind: func(args []any) ([]any, error) { return bind(args, rows) }}
}

// unnest is the source of the rows of a parameter, in PostgreSQL's words, and the kinds of its columns. Its limit has the
// planner take it for one row, and so begin with it, also where it takes a table for an empty one.
func unnest(param rowsParam, columns []string) (string, []byte) {
	var names, arrays, aliases []string
	var kinds []byte
	for i, column := range columns {
		name, kind, _ := strings.Cut(column, " ")
		number := param.index + 1
		if i > 0 {
			number = param.first + i - 1
		}
		alias := fmt.Sprintf("c%d", i)
		aliases = append(aliases, alias)
		if kind == "BIGINT" {
			kinds = append(kinds, rowInteger)
			arrays, names = append(arrays, fmt.Sprintf("$%d::bigint[]", number)), append(names, alias+" AS "+name)
			continue
		}
		kinds = append(kinds, rowText)
		arrays, names = append(arrays, fmt.Sprintf("$%d::text[]", number)), append(names, alias+` COLLATE "C" AS `+name)
	}
	return fmt.Sprintf("(SELECT %s FROM unnest(%s) AS r (%s) LIMIT (SELECT 2147483647))", strings.Join(names, ", "), strings.Join(arrays, ", "), strings.Join(aliases, ", ")), kinds
}

// bind makes parameters of the types that columns have, and takes Rows apart.
func bind(args []any, rows []rowsParam) ([]any, error) {
	bound := make([]any, len(args), len(args)+16*len(rows))
	for _, r := range rows {
		param, _ := args[r.index].([]byte)
		columns, err := columnsOf(param, r.kinds)
		if err != nil {
			return nil, err
		}
		bound[r.index] = columns[0]
		bound = append(bound, columns[1:]...)
	}
	for i, arg := range args {
		if bound[i] == nil {
			bound[i] = plain(arg)
		}
	}
	return bound, nil
}

// plain is a parameter as an integer or text, which is all that columns hold.
func plain(arg any) any {
	switch v := arg.(type) {
	case int64, nil:
		return v
	case string:
		return clean(v)
	case bool:
		if v {
			return int64(1)
		}
		return int64(0)
	case []byte:
		return clean(string(v))
	}
	switch v := reflect.ValueOf(arg); v.Kind() {
	case reflect.String:
		return clean(v.String())
	case reflect.Int, reflect.Int32, reflect.Int64:
		return v.Int()
	case reflect.Bool:
		return plain(v.Bool())
	case reflect.Slice:
		return clean(string(v.Bytes()))
	}
	return arg
}

// IsUnique reports whether err is a violated unique constraint.
func IsUnique(err error) bool { return isUniqueInSQLite(err) || isUniqueInPostgres(err) }

// takeKeys takes keys by their hashes, alone or beside others, one after another.
var takeKeys = "SELECT count(CASE alone WHEN 1 THEN CAST(pg_advisory_xact_lock(key) AS TEXT) ELSE CAST(pg_advisory_xact_lock_shared(key) AS TEXT) END) FROM " +
	From("$1", "key BIGINT", "alone BIGINT") + " AS j"

// keysOf are the keys of units, each once, and in one order on every node: or two transactions of several keys would wait
// for each other.
func (p *postgres) keysOf(batch []*pending) *Rows {
	alone := map[int64]bool{}
	for _, unit := range batch {
		for _, key := range unit.Keys {
			alone[hashOf(key)] = true
		}
		for _, key := range unit.Beside {
			if hash := hashOf(key); !alone[hash] {
				alone[hash] = false
			}
		}
	}
	keys := &Rows{}
	if p.options.Sabotage == SabotageUnlocked {
		return keys
	}
	hashes := slices.Sorted(maps.Keys(alone))
	if p.options.Sabotage == SabotageOrder {
		rand.Shuffle(len(hashes), func(i, j int) { hashes[i], hashes[j] = hashes[j], hashes[i] })
	}
	for _, hash := range hashes {
		keys.Add(hash, alone[hash])
	}
	return keys
}

func hashOf(key string) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(key))
	return int64(h.Sum64())
}
