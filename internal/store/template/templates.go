// Package template has the tables of templates with their versions, and of saved replies. Its functions take the queries
// or the transaction of the store.
package template

import (
	"database/sql"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// Insert adds a template without versions.
func Insert(tx *store.Tx, organization parley.ID, t *parley.Template) error {
	tx.MustHave(organization)
	t.CreatedAt, t.Rev = tx.Now, 1
	_, err := tx.Conn().Exec(`INSERT INTO templates (organization_id, id, name, description, latest, published, rev, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, 1, $7)`, string(organization), string(t.ID), t.Name, t.Description, t.Latest, t.Published, store.Millis(t.CreatedAt))
	return taken(err, t.Name)
}

func taken(err error, name string) error {
	if sqldb.IsUnique(err) {
		return parley.About(parley.Conflict("name-taken", "there is a template with the name %q", name), "name-taken", "name")
	}
	return err
}

// Update writes what can be changed of a template, and raises the revision.
func Update(tx *store.Tx, organization parley.ID, t *parley.Template) error {
	tx.MustHave(organization)
	err := tx.Conn().Row(`UPDATE templates SET name = $1, description = $2, latest = $3, published = $4, rev = rev + 1
		WHERE organization_id = $5 AND id = $6 RETURNING rev`,
		[]any{t.Name, t.Description, t.Latest, t.Published, string(organization), string(t.ID)}, &t.Rev)
	return store.Found(taken(err, t.Name), "template", t.ID)
}

// Delete deletes a template with its versions.
func Delete(tx *store.Tx, organization, id parley.ID) error {
	tx.MustHave(organization)
	if _, err := tx.Conn().Exec("DELETE FROM template_versions WHERE organization_id = $1 AND template_id = $2", string(organization), string(id)); err != nil {
		return err
	}
	n, err := tx.Conn().Exec("DELETE FROM templates WHERE organization_id = $1 AND id = $2", string(organization), string(id))
	if err == nil && n == 0 {
		err = parley.NotFound("template", id)
	}
	return err
}

const columns = "t.id, t.name, t.description, t.latest, t.published, t.rev, t.created_at"

func list(q store.Queries, where string, args ...any) ([]parley.Template, error) {
	var all []parley.Template
	err := q.Conn().Query("SELECT "+columns+" FROM templates AS t WHERE "+where, args, func(r *sql.Rows) error {
		var t parley.Template
		var created int64
		err := r.Scan(&t.ID, &t.Name, &t.Description, &t.Latest, &t.Published, &t.Rev, &created)
		t.CreatedAt = store.Moment(created)
		all = append(all, t)
		return err
	})
	return all, err
}

func only(all []parley.Template, err error, id parley.ID) (parley.Template, error) {
	if err == nil && len(all) == 0 {
		err = parley.NotFound("template", id)
	}
	if err != nil {
		return parley.Template{}, err
	}
	return all[0], nil
}

// Get returns a template.
func Get(q store.Queries, organization, id parley.ID) (parley.Template, error) {
	all, err := list(q, "t.organization_id = $1 AND t.id = $2", string(organization), string(id))
	return only(all, err, id)
}

// Named returns the template of a name.
func Named(q store.Queries, organization parley.ID, name string) (parley.Template, error) {
	all, err := list(q, "t.organization_id = $1 AND t.name = $2", string(organization), name)
	return only(all, err, parley.ID(name))
}

// Template returns a template by its id, or by its name where that is empty.
func Template(q store.Queries, organization, id parley.ID, name string) (parley.Template, error) {
	if id == "" {
		return Named(q, organization, name)
	}
	return Get(q, organization, id)
}

var anyOf = "SELECT EXISTS (SELECT 1 FROM templates WHERE organization_id = $1 AND id IN " + store.IDSource + ")"

// AnyOf reports whether one of some ids is that of a template.
func AnyOf(q store.Queries, organization parley.ID, ids []parley.ID) (found bool, err error) {
	err = q.Conn().Row(anyOf, []any{string(organization), store.IDRows(ids)}, &found)
	return found, err
}

// List returns up to limit templates with ids after one; next is where to go on, empty at the end.
func List(q store.Queries, organization, after parley.ID, limit int) ([]parley.Template, parley.ID, error) {
	all, err := list(q, "t.organization_id = $1 AND t.id > $2 ORDER BY t.id LIMIT $3", string(organization), string(after), limit+1)
	if err != nil || len(all) <= limit {
		return all, "", err
	}
	return all[:limit], all[limit-1].ID, nil
}

// InsertVersion adds a version.
func InsertVersion(tx *store.Tx, organization parley.ID, v *parley.TemplateVersion) error {
	tx.MustHave(organization)
	v.CreatedAt = tx.Now
	locales, variables, err := encode(v)
	if err != nil {
		return err
	}
	_, err = tx.Conn().Exec(`INSERT INTO template_versions (organization_id, template_id, number, state, default_locale, locales, variables,
			created_at, published_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, string(organization), string(v.Template), v.Number, string(v.State),
		v.DefaultLocale, locales, variables, store.Millis(v.CreatedAt), store.Millis(v.PublishedAt))
	return err
}

func encode(v *parley.TemplateVersion) (locales, variables string, err error) {
	if locales, err = store.EncodeJSON(v.Locales); err != nil {
		return "", "", err
	}
	variables, err = store.EncodeJSON(v.Variables)
	return locales, variables, err
}

// UpdateVersion writes what a version has become.
func UpdateVersion(tx *store.Tx, organization parley.ID, v *parley.TemplateVersion) error {
	tx.MustHave(organization)
	locales, variables, err := encode(v)
	if err != nil {
		return err
	}
	_, err = tx.Conn().Exec(`UPDATE template_versions SET state = $1, default_locale = $2, locales = $3, variables = $4, published_at = $5
		WHERE organization_id = $6 AND template_id = $7 AND number = $8`, string(v.State), v.DefaultLocale, locales, variables,
		store.Millis(v.PublishedAt), string(organization), string(v.Template), v.Number)
	return err
}

func versions(q store.Queries, where string, args ...any) ([]parley.TemplateVersion, error) {
	var all []parley.TemplateVersion
	err := q.Conn().Query(`SELECT v.template_id, v.number, v.state, v.default_locale, v.locales, v.variables, v.created_at, v.published_at
		FROM template_versions AS v WHERE `+where, args, func(r *sql.Rows) error {
		var v parley.TemplateVersion
		var locales, variables string
		var created, published int64
		if err := r.Scan(&v.Template, &v.Number, &v.State, &v.DefaultLocale, &locales, &variables, &created, &published); err != nil {
			return err
		}
		v.CreatedAt, v.PublishedAt = store.Moment(created), store.Moment(published)
		if err := store.DecodeJSON(locales, &v.Locales); err != nil {
			return err
		}
		if err := store.DecodeJSON(variables, &v.Variables); err != nil {
			return err
		}
		all = append(all, v)
		return nil
	})
	return all, err
}

// Version returns a version of a template.
func Version(q store.Queries, organization, id parley.ID, number int) (parley.TemplateVersion, error) {
	all, err := versions(q, "v.organization_id = $1 AND v.template_id = $2 AND v.number = $3", string(organization), string(id), number)
	if err == nil && len(all) == 0 {
		err = parley.NotFound("version", id)
	}
	if err != nil {
		return parley.TemplateVersion{}, err
	}
	return all[0], nil
}

// Versions returns up to limit versions of a template, the newest first, with numbers before one, or from the newest where
// that is 0.
func Versions(q store.Queries, organization, id parley.ID, before, limit int) ([]parley.TemplateVersion, error) {
	if before == 0 {
		before = 1 << 30
	}
	return versions(q, "v.organization_id = $1 AND v.template_id = $2 AND v.number < $3 ORDER BY v.number DESC LIMIT $4",
		string(organization), string(id), before, limit)
}
