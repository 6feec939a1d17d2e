package importer

import (
	"fmt"
	"slices"
	"strings"
)

// Kinds of things that are brought in.
const (
	Contacts = "contacts"
	Users    = "users"
	Teams    = "teams"
	Roles    = "roles"
)

// Kinds are all of them.
var Kinds = []string{Contacts, Users, Teams, Roles}

// fields are what a column may be mapped to, with the names of columns, in small letters, that are mapped so by themselves.
// A field that ends in a dot goes on with a name: "attributes.city".
var fields = map[string][]struct {
	field   string
	columns []string
}{
	Contacts: {
		{"name", []string{"name", "full name", "fullname", "display name", "displayname", "contact name"}},
		{"firstName", []string{"first name", "firstname", "given name", "vorname", "prénom", "nombre", "voornaam"}},
		{"lastName", []string{"last name", "lastname", "family name", "surname", "nachname", "nom", "apellidos", "achternaam"}},
		{"email", []string{"email", "e-mail", "email address", "e-mail address", "e-mail-adresse", "mail"}},
		{"phone", []string{"phone", "phone number", "mobile", "mobile phone", "telephone", "telefon", "mobil", "handy", "cell", "cell phone"}},
		{"fax", []string{"fax", "fax number"}},
		{"address", []string{"address", "addresses"}}, // as kind:value
		{"shared", []string{"shared address"}},        // as kind:value
		{"tags", []string{"tags", "labels", "tag"}},
		{"externalId", []string{"external id", "externalid", "external_id", "id"}},
		{"externalIds.", nil},
		{"attributes.", nil},
	},
	Users: {
		{"name", []string{"name", "full name", "display name"}},
		{"firstName", []string{"first name", "firstname", "vorname"}},
		{"lastName", []string{"last name", "lastname", "nachname"}},
		{"email", []string{"email", "e-mail", "email address", "mail"}},
		{"metadata.", nil},
	},
	Teams: {
		{"name", []string{"name", "team"}},
		{"members", []string{"members", "users", "emails"}}, // e-mail addresses of users
	},
	Roles: {
		{"name", []string{"name", "role"}},
		{"description", []string{"description"}},
		{"awayText", []string{"away text", "awaytext", "away"}},
		{"tags", []string{"tags", "labels"}},
		{"members", []string{"members", "users", "emails"}},
	},
}

// skipped is the field of columns that are left out.
const skipped = "-"

// Mapping says which field a column goes to.
type Mapping struct {
	kind   string
	given  map[string]string // by column
	unused []string          // columns that go nowhere
}

// NewMapping makes the mapping of a kind from "column=field" texts; a column that none names goes to the field that it is called
// like. "column=-" leaves one out.
func NewMapping(kind string, given []string) (*Mapping, error) {
	if !slices.Contains(Kinds, kind) {
		return nil, fmt.Errorf("%q is none of %s", kind, strings.Join(Kinds, ", "))
	}
	m := &Mapping{kind: kind, given: map[string]string{}}
	for _, text := range given {
		i := strings.LastIndex(text, "=")
		if i <= 0 {
			return nil, fmt.Errorf("the mapping %q is not column=field", text)
		}
		column, field := strings.TrimSpace(text[:i]), strings.TrimSpace(text[i+1:])
		if field != skipped && !m.known(field) {
			return nil, fmt.Errorf("%s have no field %q; there are %s", kind, field, strings.Join(m.names(), ", "))
		}
		m.given[column] = field
	}
	return m, nil
}

func (m *Mapping) known(field string) bool {
	for _, f := range fields[m.kind] {
		if rest, found := strings.CutPrefix(field, f.field); found && (rest != "") == strings.HasSuffix(f.field, ".") {
			return true
		}
	}
	return false
}

func (m *Mapping) names() []string {
	var names []string
	for _, f := range fields[m.kind] {
		if strings.HasSuffix(f.field, ".") {
			names = append(names, f.field+"NAME")
		} else {
			names = append(names, f.field)
		}
	}
	return names
}

// field is where a column goes; empty: nowhere.
func (m *Mapping) field(column string) string {
	if field, ok := m.given[column]; ok {
		return field
	}
	small := strings.ToLower(column)
	for _, f := range fields[m.kind] {
		if slices.Contains(f.columns, small) {
			return f.field
		}
	}
	if m.known(column) {
		return column
	}
	if !slices.Contains(m.unused, column) {
		m.unused = append(m.unused, column)
	}
	return ""
}

// Check says what is wrong with a file's columns before anything is brought in: a mapping that names no column of it, and one that
// two columns share.
func (m *Mapping) Check(columns []string) error {
	seen := map[string]string{}
	for _, column := range columns {
		field := m.field(column)
		if other, twice := seen[field]; twice && !slices.Contains([]string{"", skipped, "phone", "email", "fax", "address", "shared", "tags", "members"}, field) {
			return fmt.Errorf("the columns %q and %q both go to %s", other, column, field)
		}
		seen[field] = column
	}
	for column := range m.given {
		if columns != nil && !slices.Contains(columns, column) {
			return fmt.Errorf("the file has no column %q; it has %s", column, strings.Join(columns, ", "))
		}
	}
	return nil
}

// record is a row by its fields.
type record map[string][]string

func (m *Mapping) record(row *Row) record {
	r := record{}
	for _, cell := range row.Cells {
		if field := m.field(cell.Column); field != "" && field != skipped {
			r[field] = append(r[field], cell.Values...)
		}
	}
	return r
}

// one is the only value of a field.
func (r record) one(field string) string {
	if len(r[field]) == 0 {
		return ""
	}
	return r[field][0]
}

// list are the values of a field, of which a cell may have several, separated by comma, semicolon or line.
func (r record) list(field string) []string {
	var all []string
	for _, cell := range r[field] {
		for _, part := range strings.FieldsFunc(cell, func(c rune) bool { return c == ',' || c == ';' || c == '\n' }) {
			if part = strings.TrimSpace(part); part != "" {
				all = append(all, part)
			}
		}
	}
	return all
}

// under are the values of fields that begin alike, by what follows.
func (r record) under(prefix string) map[string]string {
	var all map[string]string
	for field, values := range r {
		if name, ok := strings.CutPrefix(field, prefix); ok && len(values) > 0 {
			if all == nil {
				all = map[string]string{}
			}
			all[name] = strings.Join(values, ", ")
		}
	}
	return all
}

// name is the name in one column, or in two.
func (r record) name() string {
	if name := r.one("name"); name != "" {
		return name
	}
	return strings.TrimSpace(r.one("firstName") + " " + r.one("lastName"))
}
