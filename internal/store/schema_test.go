package store_test

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

// There are two kinds of tables. Those of the directory are small, and never spread over machines. In the tenant
// tables each row belongs to an organization, which leads every key and index and is named by every query.
var (
	directoryTables = []string{"accounts", "keys", "leases", "organizations"}

	tenantTables = []string{"ack_requests", "acknowledgements", "attempts", "attribute_definitions", "audit", "audit_heads", "auto_replies", "auto_reply_marks",
		"away_notices", "blind_copies", "blocked_senders", "broadcast_members", "broadcasts", "channel_members", "channel_rates", "channels",
		"clocks", "contact_addresses", "contact_changes", "contact_erasures", "contact_exports", "contact_external_ids", "contact_places", "contacts",
		"conversation_attributes", "conversation_details", "conversation_history", "conversation_labels", "conversations", "deliveries",
		"do_not_disturb", "drafts", "entity_metadata", "escalation_fallbacks", "escalation_policies", "escalations", "event_places", "events", "export_conversations",
		"fallback_addresses", "forwards", "groups", "held", "held_content", "held_files", "hidden_messages", "holds", "hook_requests", "hooks",
		"idempotency", "interactions", "jobs", "links", "marks", "media", "media_references", "mentions", "merged_conversations",
		"message_batches", "message_tags", "message_versions", "messages", "mutes", "organization_log", "page_answers", "pages", "parked",
		"participants", "past_parts", "permission_sets", "profiles", "provider_references", "record_counts", "record_ids", "replies", "retention_marks", "role_guests",
		"role_members", "role_owners", "roles", "saved_replies", "schedules", "search_gone", "search_pages", "search_prints", "search_segments",
		"search_state", "selections", "shifts", "sla_clocks", "sla_policies", "suppressions", "team_members", "teams", "template_versions",
		"templates", "upload_forms", "user_sets", "users", "views", "webhook_places", "webhook_posts", "webhooks"}

	// Of the engine, and not stored.
	otherTables = []string{"schema_migrations"}

	// acrossIndexes are the indexes of tenant tables that an organization does not lead, for the named reads.
	acrossIndexes = []string{"accounts_users", "idempotency_sweep", "jobs_timer", "links_code"}

	// across are the named reads and sweeps across organizations, each with a piece of its text that no other has.
	across = map[string]string{
		"Backlog":               "SELECT count(*), coalesce(min(created_at), 0) FROM jobs WHERE kind = 'deliver'",
		"Find, a short link":    "FROM links WHERE code = $1",
		"DropIdempotency":       "FROM idempotency WHERE created_at < $1",
		"WriteDue":              "FROM jobs WHERE kind = $1 AND kind <> 'deliver' AND due_at <= $2",
		"Lines":                 "SELECT min(organization_id) FROM jobs WHERE kind = 'deliver'",
		"Memberships":           "WHERE u.account_id = $1 AND u.account_id <> '' AND u.active = 1",
		"NextDue":               "SELECT coalesce(min(due_at), 0) FROM jobs WHERE kind = $1",
		"Open, its lost claims": "UPDATE jobs SET due_at = 1",
	}
)

// TestSchema: every table is of one of the kinds; what tenant tables have is led by the organization; and columns are
// what both databases understand alike.
// addedColumns have a default, since programs that do not know them write the table too.
var addedColumns = []string{"keys.doors"}

func TestSchema(t *testing.T) {
	q := open(t, store.Options{Folder: t.TempDir()}).Read(t.Context())
	query := func(text string, args ...any) [][]string {
		rows, err := q.Schema(text, args...)
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	var tables, indexes []string
	for _, row := range query("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name") {
		tables = append(tables, row[0])
	}
	if want := slices.Sorted(slices.Values(slices.Concat(directoryTables, tenantTables, otherTables))); !slices.Equal(tables, want) {
		t.Fatalf("the tables are %q, listed are %q", tables, want)
	}
	for _, table := range slices.Concat(directoryTables, tenantTables) {
		for _, c := range query("SELECT name, type, \"notnull\", dflt_value IS NULL, pk FROM pragma_table_info($1)", table) {
			name, kind := c[0], c[1]
			if kind != "TEXT" && kind != "BIGINT" || (name == "id" || strings.HasSuffix(name, "_id")) && kind != "TEXT" {
				t.Errorf("%s.%s is declared %s", table, name, kind)
			}
			if c[2] != "1" || c[3] != "1" && !slices.Contains(addedColumns, table+"."+name) {
				t.Errorf("%s.%s may be absent", table, name)
			}
			if c[4] == "1" && name != "organization_id" && slices.Contains(tenantTables, table) {
				t.Errorf("%s.%s leads its primary key", table, name)
			}
		}
	}
	for _, table := range tenantTables {
		for _, index := range query("SELECT l.name, i.name FROM pragma_index_list($1) AS l, pragma_index_info(l.name) AS i WHERE i.seqno = 0", table) {
			if index[1] != "organization_id" {
				indexes = append(indexes, index[0])
			}
		}
	}
	if slices.Sort(indexes); !slices.Equal(indexes, acrossIndexes) {
		t.Errorf("the indexes across organizations are %q, named are %q", indexes, acrossIndexes)
	}
}

// statements collects the statements that stores run.
type statements struct {
	mu    sync.Mutex
	texts map[string]bool
}

// of makes the options of a store whose statements are collected.
func (s *statements) of(o store.Options) store.Options {
	fault := o.Fault
	o.Fault = func(text string) error {
		s.mu.Lock()
		s.texts[text] = true
		s.mu.Unlock()
		if fault != nil {
			return fault(text)
		}
		return nil
	}
	return o
}

// sabotage runs the statements that only stores run whose promises are broken.
func (s *statements) sabotage(t *testing.T) {
	for _, sabotage := range []store.Sabotage{store.SabotageClaims, store.SabotageCounter} {
		spoiled := open(t, s.of(store.Options{Folder: t.TempDir(), Sabotage: sabotage}))
		err := spoiled.Write(t.Context(), "o", func(tx *store.Tx) error {
			tx.Emit("o", parley.Event{Type: parley.EventKeyCreated})
			return tx.InsertOrganization(&parley.Organization{ID: "o"})
		})
		if err != nil {
			t.Error(err)
		}
	}
}

var (
	space     = regexp.MustCompile(`\s+`)
	named     = regexp.MustCompile(`\b(?:FROM|JOIN|UPDATE|INTO) (\w+)(?: AS (\w+))?`)
	inserted  = regexp.MustCompile(`^INSERT INTO (\w+) \(([\w, ]+)\)`)
	parameter = regexp.MustCompile(`\$([0-9]+)`)
	step      = regexp.MustCompile(`^(?:SCAN|SEARCH) (\S+)`)
)

// nameTheirOrganization: each statement finds the rows of tenant tables by their organization, the named ones excepted.
func (s *statements) nameTheirOrganization(t *testing.T) {
	q := open(t, store.Options{Folder: t.TempDir()}).Read(t.Context())
	used := map[string]bool{}
	for text := range s.texts {
		text = space.ReplaceAllString(text, " ")
		if m := inserted.FindStringSubmatch(text); m != nil && slices.Contains(tenantTables, m[1]) &&
			!slices.Contains(strings.Split(m[2], ", "), "organization_id") {
			t.Errorf("%s: names no organization", text)
		}
		if strings.Contains(text, "pg_advisory_xact_lock") {
			continue // the engine's own: it reads no table
		}
		if name := acrossOrganizations(text); name != "" {
			used[name] = true
			continue
		}
		if strings.Contains(text, "clock_timestamp()") { // the engine's own on PostgreSQL, about the logs that it takes
			continue
		}
		for _, line := range plan(t, q, text) {
			m := step.FindStringSubmatch(line)
			if m != nil && isTenant(text, m[1]) && !strings.Contains(line, "(organization_id=?") {
				t.Errorf("%s: %s", text, line)
			}
			if strings.Contains(line, "AUTOMATIC") {
				t.Errorf("%s: has no index: %s", text, line)
			}
		}
	}
	for name := range across {
		if !used[name] {
			t.Errorf("%s is no read across organizations", name)
		}
	}
}

func acrossOrganizations(text string) string {
	for name, piece := range across {
		if strings.Contains(text, piece) {
			return name
		}
	}
	return ""
}

// isTenant reports whether a name in a statement stands for a tenant table.
func isTenant(text, name string) bool {
	for _, m := range named.FindAllStringSubmatch(text, -1) {
		if slices.Contains(tenantTables, m[1]) && (m[2] == name || m[1] == name) {
			return true
		}
	}
	return false
}

func plan(t *testing.T, q store.Queries, text string) []string {
	verb, _, _ := strings.Cut(text, " ")
	if !slices.Contains([]string{"SELECT", "INSERT", "UPDATE", "DELETE"}, verb) {
		return nil
	}
	highest := 0
	for _, m := range parameter.FindAllStringSubmatch(text, -1) {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		highest = max(highest, n)
	}
	steps, err := q.Plan(text, make([]any, highest)...)
	if err != nil {
		t.Errorf("%s: %v", text, err)
	}
	return steps
}

// areAllThereAre: every piece of SQL in the package, and in those below it that have tables of an area, is part of a statement that was run, so that no statement
// escapes the suite, nor nameTheirOrganization.
func (s *statements) areAllThereAre(t *testing.T) {
	var all strings.Builder
	for text := range s.texts {
		all.WriteString(space.ReplaceAllString(text, " ") + "\n")
	}
	ran := all.String()
	for _, piece := range pieces(t) {
		for _, part := range regexp.MustCompile(`%(?:\[[0-9]\])?[sdv]`).Split(piece.text, -1) {
			if part = strings.TrimSpace(space.ReplaceAllString(part, " ")); !strings.Contains(ran, part) {
				t.Errorf("%s: no test of the suite runs %q", piece.at, part)
			}
		}
	}
}

type piece struct {
	at   token.Position
	text string
}

var sql = regexp.MustCompile(`\b(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|FROM|WHERE|JOIN|ORDER BY|LIMIT|RETURNING|ON CONFLICT)\b`)

// pieces are the texts in the package, and in those of areas below it, that are SQL.
func pieces(t *testing.T) (list []piece) {
	var files []string
	for _, folder := range []string{".", "audit", "availability", "clock", "duty", "escalation", "grant", "group", "hold", "inbox", "interaction", "page", "people", "playground", "profile", "relation", "search", "view", "webhook"} {
		found, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil || len(found) == 0 {
			t.Fatal(folder, err)
		}
		files = append(files, found...)
	}
	set := token.NewFileSet()
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				text, err := strconv.Unquote(literal.Value)
				if err != nil {
					t.Fatal(err)
				}
				if sql.MatchString(text) {
					list = append(list, piece{set.Position(literal.Pos()), text})
				}
			}
			return true
		})
	}
	return list
}

func open(t *testing.T, o store.Options) *store.Store {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s, err := store.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
