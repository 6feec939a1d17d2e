package importer

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

// rowsOf reads a file and writes its rows down.
func rowsOf(content, format string) (string, error) {
	t, err := Open(strings.NewReader(content), format, 0)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for {
		row, err := t.Next()
		if err == io.EOF {
			return b.String(), nil
		}
		if err != nil {
			return b.String(), err
		}
		fmt.Fprintf(&b, "%d", row.Line)
		for _, c := range row.Cells {
			fmt.Fprintf(&b, " %s=%s", c.Column, strings.Join(c.Values, "+"))
		}
		if row.Err != nil {
			fmt.Fprintf(&b, " !%v", row.Err)
		}
		b.WriteByte('\n')
	}
}

func TestTables(t *testing.T) {
	for name, test := range map[string]struct{ content, format, want, err string }{
		"plain":                        {"Name,Phone\nAna,+1555\nBo,\n", CSV, "2 Name=Ana Phone=+1555\n3 Name=Bo\n", ""},
		"a byte order mark":            {"\ufeffName;E-Mail\r\nAna;ana@x.org\r\n", CSV, "2 Name=Ana E-Mail=ana@x.org\n", ""},
		"semicolons, commas in quotes": {"Name;Tags\n\"Müller, Ana\";\"a,b;c\"\n", CSV, "2 Name=Müller, Ana Tags=a,b;c\n", ""},
		"tabs":                         {"Name\tCity\nAna\tBonn\n", CSV, "2 Name=Ana City=Bonn\n", ""},
		"said separator":               {"sep=;\r\nName;City\r\nAna;Bonn\r\n", CSV, "3 Name=Ana City=Bonn\n", ""},
		"lines in quotes":              {"Name,Note\n\"Ana\",\"one\ntwo \"\"2\"\"\"\nBo,x\n", CSV, "2 Name=Ana Note=one\ntwo \"2\"\n4 Name=Bo Note=x\n", ""},
		"no end of line":               {"Name\nAna", CSV, "2 Name=Ana\n", ""},
		"empty lines":                  {"Name,City\n\n,\nAna,Bonn\n\n", CSV, "4 Name=Ana City=Bonn\n", ""},
		"too many values":              {"Name\nAna,Bonn\nBo\n", CSV, "2 Name=Ana !it has 2 values, and there are 1 columns\n3 Name=Bo\n", ""},
		"a quote inside":               {"Name,City\nAna \"x\" B,Bonn\nBo,Ulm\n", CSV, "2 !bare \" in non-quoted-field\n3 Name=Bo City=Ulm\n", ""},
		"an open quote":                {"Name\nAna\n\"Bo\nCleo\n", CSV, "2 Name=Ana\n3 !extraneous or missing \" in quoted-field\n", ""},
		"Latin-1":                      {"Name\nAna\nM\xfcller\n", CSV, "2 Name=Ana\n", "line 3 is not UTF-8, perhaps Latin-1"},
		"Latin-1 at once":              {"Pr\xe9nom\nAna\n", CSV, "", "line 1 is not UTF-8"},
		"UTF-16":                       {"\xff\xfeN\x00", CSV, "", "UTF-16"},
		"a spreadsheet":                {"PK\x03\x04abc", CSV, "", "zip archive"},
		"zero bytes":                   {"Name\nA\x00na\n", CSV, "", "zero byte"},
		"nothing":                      {"", CSV, "", "is empty"},
		"a long line":                  {"Name\n" + strings.Repeat("x", 2<<20), CSV, "", "longer than"},
		"other format":                 {"x", "xml", "", "none of csv, jsonl"},

		"objects": {`{"name":"Ana","tags":["a","b"],"attributes":{"city":"Bonn","age":7,"vip":true,"none":null}}` + "\n\n" + `{"name":"Bo"}`, JSONL,
			"1 name=Ana tags=a+b attributes.city=Bonn attributes.age=7 attributes.vip=true\n3 name=Bo\n", ""},
		"no objects": {"[1]\n{\"a\":\n{\"a\":1} x\n{\"a\":{\"b\":{\"c\":1}}}\n{\"a\":[[1]]}\n{\"big\":12345678901234567890.5}\n", JSONL,
			"1 !it is no JSON object\n2 !EOF\n3 !there is something after its JSON object\n4 !a.b is too deep\n5 !a is too deep\n6 big=12345678901234567890.5\n", ""},
		"a mark": {"\ufeff{\"a\":\"b\"}\r\n", JSONL, "1 a=b\n", ""},
	} {
		got, err := rowsOf(test.content, test.format)
		if got != test.want || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: got %q, %v; want %q, %s", name, got, err, test.want, test.err)
		}
	}
}

func TestMappings(t *testing.T) {
	m, err := NewMapping(Contacts, []string{"Kunden-Nr=externalIds.crm", "a=b=attributes.c", "Notes=-"})
	if err != nil {
		t.Fatal(err)
	}
	columns := []string{"Vorname", "Nachname", "E-Mail", "Kunden-Nr", "a=b", "Notes", "attributes.city", "Weather", "Phone", "Mobile"}
	if err := m.Check(columns); err != nil {
		t.Fatal(err)
	}
	cells := make([]Cell, len(columns))
	for i, c := range columns {
		cells[i] = Cell{c, []string{c + "!"}}
	}
	r := m.record(&Row{Cells: cells})
	if r.name() != "Vorname! Nachname!" || r.under("externalIds.")["crm"] != "Kunden-Nr!" || len(r.under("attributes.")) != 2 || len(r.list("phone")) != 2 ||
		fmt.Sprint(m.unused) != "[Weather]" {
		t.Errorf("record %v, unused %v", r, m.unused)
	}
	for _, wrong := range [][]string{{"x"}, {"=name"}, {"x=nothing"}, {"x=attributes."}} {
		if _, err := NewMapping(Contacts, wrong); err == nil {
			t.Errorf("%v is taken", wrong)
		}
	}
	if _, err := NewMapping("cars", nil); err == nil {
		t.Error("cars are taken")
	}
	m, err = NewMapping(Users, []string{"Mail=email", "Missing=name"})
	if err != nil {
		t.Fatal(err)
	}
	for _, columns := range [][]string{{"Mail"}, {"Mail", "Name", "Missing"}} {
		if err := m.Check(columns); err == nil {
			t.Errorf("%v are taken", columns)
		}
	}
}

// FuzzTable: whatever a file has, reading it ends, rows come in order, and their texts are texts.
func FuzzTable(f *testing.F) {
	for _, seed := range []string{"Name,Phone\nAna,+1\n", "\ufeffa;b\r\n\"x\ny\";2\r\n", "{\"a\":[1,{\"b\":2}]}\n", "sep=|\na|b\n\"", "a\n\xff"} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, content string, asCSV bool) {
		format := map[bool]string{true: CSV, false: JSONL}[asCSV]
		table, err := Open(strings.NewReader(content), format, 0)
		if err != nil {
			return
		}
		for line, n := 0, 0; ; n++ {
			row, err := table.Next()
			if err != nil {
				return
			}
			if row.Line < line || n > len(content)+1 {
				t.Fatalf("line %d after %d, row %d", row.Line, line, n)
			}
			line = row.Line
			for _, c := range row.Cells {
				for _, v := range c.Values {
					if v == "" || strings.ContainsRune(v, 0) {
						t.Fatalf("line %d: %s is %q", row.Line, c.Column, v)
					}
				}
			}
		}
	})
}
