package store

import (
	"embed"

	"github.com/parley-server/parley/internal/store/sqldb"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Migrations is the schema, step by step. It is only ever added to, at the end.
var migrations = []sqldb.Migration{
	{Name: "heart", SQL: migration("0001_heart"), Postgres: migration("0001_heart_postgres"), Oldest: 1},
	{Name: "contacts", SQL: migration("0003_contacts"), Oldest: 1},
	{Name: "roles", SQL: migration("0004_roles"), Oldest: 1},
	// A program that knows no audit log would do what belongs there without a word.
	{Name: "audit", SQL: migration("0005_audit"), Oldest: 4},
	{Name: "clocks", SQL: migration("0011_clocks"), Oldest: 4},
	{Name: "inbox", SQL: migration("0007_inbox"), Oldest: 1},
	{Name: "messages", SQL: migration("0008_messages"), Oldest: 4},
	{Name: "search", SQL: migration("0010_search"), Postgres: migration("0010_search_postgres"), Oldest: 4},
	{Name: "interactions", SQL: migration("0009_interactions"), Oldest: 1},
	// A program that knows no legal holds would let go what they keep.
	{Name: "holds", SQL: migration("0013_holds"), Oldest: 10},
	{Name: "templates", SQL: migration("0009_templates"), Oldest: 10},
	{Name: "hooks", SQL: migration("0011_hooks"), Oldest: 10},
	// A program that knows no merged conversations would not find what goes on in one under another id.
	{Name: "merges", SQL: migration("0007_merges"), Oldest: 13},
	{Name: "drafts", SQL: migration("0007_drafts"), Oldest: 13},
	{Name: "links", SQL: migration("0009_links"), Oldest: 13},
	// A program that knows no suppressions would write to those who do not want it.
	{Name: "people", SQL: migration("0012_people"), Oldest: 16},
	{Name: "dossiers", SQL: migration("0012_people_dossiers"), Oldest: 16},
	// A program that does not know it would forward nothing.
	{Name: "availability", SQL: migration("0006_availability"), Oldest: 18},
	// A program that does not know it would make groups that are none.
	{Name: "groups", SQL: migration("0006_groups"), Oldest: 19},
	{Name: "profiles", SQL: migration("0006_profiles"), Oldest: 19},
	{Name: "schedules", SQL: migration("0016_schedules"), Oldest: 19},
	// A program that does not know them would not start what is to escalate.
	{Name: "escalations", SQL: migration("0014_escalation"), Oldest: 22},
	// A program that does not know it would give conversations to somebody who would not find them.
	{Name: "views", SQL: migration("0017_views"), Postgres: migration("0017_views_postgres"), Embedded: migration("0017_views_embedded"), Oldest: 23},
	// A program that does not know it would page nobody.
	{Name: "pages", SQL: migration("0017_pages"), Oldest: 24},
	// A program that does not know it would answer nobody, and would send what is to wait.
	{Name: "auto-replies", SQL: migration("0016_replies"), Oldest: 25},
	// A program that does not know it would not see that somebody was answered.
	{Name: "sla", SQL: migration("0016_sla"), Oldest: 26},
	// A program that does not know fallbacks would send out what they keep to themselves.
	{Name: "fallbacks", SQL: migration("0015_fallbacks"), Oldest: 27},
	// A program that does not know it would write to nobody on a list that has a filter.
	{Name: "lists", SQL: migration("0017_lists"), Oldest: 28},
	// A program that does not know limits would send contacts more than they are to get.
	{Name: "limits", SQL: migration("0018_limits"), Oldest: 29},
	// A program that does not know them would take what they made for something else.
	{Name: "steps", SQL: migration("0019_steps"), Oldest: 30},
	{Name: "doors", SQL: migration("0020_doors"), Oldest: 30},
	{Name: "records", SQL: migration("0021_records"), Oldest: 30},
	{Name: "places", SQL: migration("0024_places"), Oldest: 30},
	{Name: "upload-forms", SQL: migration("0023_bird"), Oldest: 30},
	{Name: "phones", SQL: migration("0027_phones"), Oldest: 30},
	{Name: "webhooks", SQL: migration("0022_webhooks"), Oldest: 30},
}

// migration is the text of a file.
func migration(name string) string {
	text, err := migrationFiles.ReadFile("migrations/" + name + ".sql")
	if err != nil {
		panic(err) // the program was built without it
	}
	return string(text)
}

// Migrations are the steps of the schema.
func Migrations() []sqldb.Migration { return migrations }
