// Package importer brings contacts, users, teams and roles from files into an organization, through the API.
package importer

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Formats of files.
const (
	CSV   = "csv"
	JSONL = "jsonl"
)

// Cell is a value in a row: a column, and its texts. Only JSON has several.
type Cell struct {
	Column string
	Values []string
}

// Row is a row of a file.
type Row struct {
	Line  int // where it begins
	Cells []Cell
	Err   error // it cannot be read
}

// Table reads rows one by one.
type Table struct {
	Columns []string // of CSV: the names in its first row
	next    func() (Row, error)
}

// Next returns the next row; io.EOF at the end. A row that cannot be read says so, and others follow; another error ends the file.
func (t *Table) Next() (Row, error) { return t.next() }

// Open reads a table. The separator of CSV, 0, is the one that its first row has most of.
func Open(r io.Reader, format string, separator rune) (*Table, error) {
	source := &text{r: bufio.NewReaderSize(r, 1<<20)}
	if err := source.begin(); err != nil {
		return nil, err
	}
	switch format {
	case CSV:
		return openCSV(source, separator)
	case JSONL:
		return openJSONL(source)
	}
	return nil, fmt.Errorf("the format %q is none of csv, jsonl", format)
}

// text is UTF-8 without a byte order mark; anything else is refused as what it probably is.
type text struct {
	r    *bufio.Reader
	line int
	rest []byte // of the line that is read
	err  error
}

// begin looks at the first bytes.
func (s *text) begin() error {
	first, err := s.r.Peek(4)
	if err != nil && err != io.EOF {
		return err
	}
	switch {
	case bytes.HasPrefix(first, []byte{0xef, 0xbb, 0xbf}):
		_, err := s.r.Discard(3)
		return err
	case bytes.HasPrefix(first, []byte{0xff, 0xfe}), bytes.HasPrefix(first, []byte{0xfe, 0xff}):
		return errors.New("the file is UTF-16; save it as UTF-8, such as by: iconv -f UTF-16 -t UTF-8")
	case bytes.HasPrefix(first, []byte("PK\x03\x04")):
		return errors.New("the file is a zip archive, perhaps of a spreadsheet; save it as CSV (UTF-8)")
	}
	return nil
}

// maxLine is how many bytes a line may have.
const maxLine = 1 << 20

// readLine returns the next line with its end.
func (s *text) readLine() ([]byte, error) {
	var line []byte
	for {
		part, err := s.r.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxLine {
			return nil, fmt.Errorf("line %d is longer than %d bytes", s.line+1, maxLine)
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if len(line) == 0 {
			return nil, err
		}
		s.line++
		if !utf8.Valid(line) {
			return nil, fmt.Errorf("line %d is not UTF-8, perhaps Latin-1 or Windows-1252; save the file as UTF-8, such as by: iconv -f WINDOWS-1252 -t UTF-8", s.line)
		}
		if bytes.IndexByte(line, 0) >= 0 {
			return nil, fmt.Errorf("line %d has a zero byte: the file is not text", s.line)
		}
		return line, nil
	}
}

// Read hands lines to a reader of CSV, never more than one at once.
func (s *text) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		if s.err != nil {
			return 0, s.err
		}
		if s.rest, s.err = s.readLine(); s.err != nil {
			return 0, s.err
		}
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// separators are what CSV may have between its values.
var separators = []rune{',', ';', '\t', '|'}

// separatorOf is the one that a line has most of, outside of quotes.
func separatorOf(line string) rune {
	best, most := ',', 0
	for _, s := range separators {
		n, quoted := 0, false
		for _, r := range line {
			switch {
			case r == '"':
				quoted = !quoted
			case r == s && !quoted:
				n++
			}
		}
		if n > most {
			best, most = s, n
		}
	}
	return best
}

func openCSV(source *text, separator rune) (*Table, error) {
	first, err := source.readLine()
	if err == io.EOF {
		return nil, errors.New("the file is empty; its first row must name the columns")
	}
	if err != nil {
		return nil, err
	}
	if named, ok := strings.CutPrefix(strings.TrimSpace(string(first)), "sep="); ok && separator == 0 { // as spreadsheets write
		separator, _ = utf8.DecodeRuneInString(named)
		if first, err = source.readLine(); err != nil {
			return nil, errors.New("the first row must name the columns")
		}
	}
	begins := source.line // the header may go on over several lines
	source.rest = first
	if separator == 0 {
		separator = separatorOf(string(first))
	}
	r := csv.NewReader(source)
	r.Comma, r.FieldsPerRecord, r.ReuseRecord = separator, -1, false
	header, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("the first row, which must name the columns, cannot be read: %w", err)
	}
	t := &Table{}
	for _, name := range header {
		t.Columns = append(t.Columns, strings.TrimSpace(name))
	}
	t.next = func() (Row, error) { return nextCSV(r, t.Columns, begins-1) }
	return t, nil
}

func nextCSV(r *csv.Reader, columns []string, before int) (Row, error) {
	for {
		record, err := r.Read()
		if wrong, ok := errors.AsType[*csv.ParseError](err); ok {
			return Row{Line: wrong.StartLine + before, Err: wrong.Err}, nil
		}
		if err != nil {
			return Row{}, err
		}
		line, _ := r.FieldPos(0)
		row := Row{Line: line + before}
		empty := true
		for i, value := range record {
			value = strings.TrimSpace(value)
			empty = empty && value == ""
			if i >= len(columns) {
				if value != "" {
					row.Err = fmt.Errorf("it has %d values, and there are %d columns", len(record), len(columns))
				}
				continue
			}
			if value != "" {
				row.Cells = append(row.Cells, Cell{columns[i], []string{value}})
			}
		}
		if !empty {
			return row, nil
		}
	}
}

func openJSONL(source *text) (*Table, error) {
	return &Table{next: func() (Row, error) {
		for {
			line, err := source.readLine()
			if err != nil {
				return Row{}, err
			}
			if line = bytes.TrimSpace(line); len(line) > 0 {
				cells, err := cellsOf(line)
				return Row{Line: source.line, Cells: cells, Err: err}, nil
			}
		}
	}}, nil
}

// cellsOf are the values of a JSON object; those of an object in it are named "outer.inner".
func cellsOf(line []byte) ([]Cell, error) {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	opening, err := decoder.Token()
	if err != nil || opening != json.Delim('{') {
		return nil, errors.New("it is no JSON object")
	}
	cells, err := members(decoder, "")
	if err != nil {
		return nil, err
	}
	if decoder.More() {
		return nil, errors.New("there is something after its JSON object")
	}
	return cells, nil
}

func members(decoder *json.Decoder, prefix string) ([]Cell, error) {
	var cells []Cell
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		column := prefix + name.(string) // of an object they are texts
		value, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		switch value {
		case json.Delim('{'):
			if prefix != "" {
				return nil, fmt.Errorf("%s is too deep", column)
			}
			inner, err := members(decoder, column+".")
			if err != nil {
				return nil, err
			}
			cells = append(cells, inner...)
			continue
		case json.Delim('['):
			values, err := elements(decoder, column)
			if err != nil {
				return nil, err
			}
			cells = append(cells, Cell{column, values})
			continue
		}
		if text, ok := plain(value); ok {
			cells = append(cells, Cell{column, []string{text}})
		}
	}
	_, err := decoder.Token() // its end
	return cells, err
}

func elements(decoder *json.Decoder, column string) ([]string, error) {
	var values []string
	for decoder.More() {
		value, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		if _, nested := value.(json.Delim); nested {
			return nil, fmt.Errorf("%s is too deep", column)
		}
		if text, ok := plain(value); ok {
			values = append(values, text)
		}
	}
	_, err := decoder.Token()
	return values, err
}

// plain is a value as a text; false for null and nothing.
func plain(value any) (string, bool) {
	var text string
	switch v := value.(type) {
	case string:
		text = strings.TrimSpace(v)
	case json.Number:
		text = v.String()
	case bool:
		text = fmt.Sprint(v)
	}
	return text, text != ""
}
