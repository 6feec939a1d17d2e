package store

import (
	"database/sql"
	"slices"
	"time"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store/sqldb"
)

// storedPolicy is a policy as it is stored, durations in milliseconds, but those of limits.
type storedPolicy struct {
	DefaultTTL int64    `json:"defaultTtl,omitempty"`
	MaxTTL     int64    `json:"maxTtl,omitempty"`
	LockTTL    bool     `json:"lockTtl,omitempty"`
	Defined    bool     `json:"definedAttributesOnly,omitempty"`
	AckWords   []string `json:"ackWords"` // null: the usual ones

	Retention map[parley.ConversationKind]int64 `json:"retention,omitempty"`
	Keywords  []parley.Keyword                  `json:"keywords,omitempty"`
	Quiet     *parley.QuietHours                `json:"quietHours,omitempty"`
	Reminders *storedReminders                  `json:"reminders,omitempty"` // left out: the usual ones
	Limits    []parley.ContactLimit             `json:"contactLimits,omitempty"`

	FallbackContent parley.FallbackContent `json:"fallbackContent,omitempty"`
	FallbackText    string                 `json:"fallbackText,omitempty"`
	FallbackReplies bool                   `json:"fallbackReplies,omitempty"`
	NoHighPriority  bool                   `json:"noHighPriority,omitempty"`
	NoImages        bool                   `json:"noImages,omitempty"`
	NoFiles         bool                   `json:"noFiles,omitempty"`
}

type storedReminders struct {
	Every int64 `json:"every"`
	Times int   `json:"times"`
}

func encodePolicy(p parley.Policy) (string, error) {
	stored := storedPolicy{DefaultTTL: p.DefaultTTL.Milliseconds(), MaxTTL: p.MaxTTL.Milliseconds(), LockTTL: p.LockTTL, Defined: p.DefinedAttributesOnly, AckWords: p.AckWords, Keywords: p.Keywords, Limits: p.ContactLimits,
		FallbackContent: p.FallbackContent, FallbackText: p.FallbackText, FallbackReplies: p.FallbackReplies,
		NoHighPriority: p.NoHighPriority, NoImages: p.NoImages, NoFiles: p.NoFiles, Retention: make(map[parley.ConversationKind]int64, len(p.Retention))}
	if len(p.Quiet.Intervals) > 0 {
		stored.Quiet = &p.Quiet
	}
	for kind, keep := range p.Retention {
		stored.Retention[kind] = keep.Milliseconds()
	}
	if p.Reminders != nil {
		stored.Reminders = &storedReminders{Every: p.Reminders.Every.Milliseconds(), Times: p.Reminders.Times}
	}
	return EncodeJSON(stored)
}

// InsertOrganization adds an organization with an empty event log and an empty audit log.
func (tx *Tx) InsertOrganization(o *parley.Organization) error {
	tx.taken = append(slices.Clip(tx.taken), string(o.ID)) // nobody else can have it before it is there
	policy, err := encodePolicy(o.Policy)
	if err != nil {
		return err
	}
	o.CreatedAt, o.Rev = tx.real, 1
	_, err = tx.c.Exec("INSERT INTO organizations (id, name, policy, rev, created_at) VALUES ($1, $2, $3, 1, $4)",
		string(o.ID), o.Name, policy, Millis(o.CreatedAt))
	if sqldb.IsUnique(err) {
		return idTaken(o.ID)
	}
	if err != nil {
		return err
	}
	_, err = tx.c.Exec("INSERT INTO organization_log (organization_id, last_event, oldest_event, channels_rev) VALUES ($1, 0, 1, 1)", string(o.ID))
	if err != nil {
		return err
	}
	_, err = tx.c.Exec("INSERT INTO audit_heads (organization_id, last_sequence, last_hash, dropped_sequence, dropped_hash) VALUES ($1, 0, '', 0, '')", string(o.ID))
	return err
}

func idTaken(id parley.ID) error {
	return parley.Conflict("id-taken", "the id %q is taken", id)
}

// UpdateOrganization writes name and policy, raises the revision and returns it.
func (tx *Tx) UpdateOrganization(o *parley.Organization) error {
	policy, err := encodePolicy(o.Policy)
	if err != nil {
		return err
	}
	err = tx.c.Row("UPDATE organizations SET name = $1, policy = $2, rev = rev + 1 WHERE id = $3 RETURNING rev",
		[]any{o.Name, policy, string(o.ID)}, &o.Rev)
	return Found(err, "organization", o.ID)
}

const organizationColumns = "o.id, o.name, o.policy, o.rev, o.created_at, EXISTS (SELECT 1 FROM clocks AS k WHERE k.organization_id = o.id)"

func scanOrganization(r *sql.Rows, o *parley.Organization, more ...any) error {
	var created int64
	var policy string
	if err := r.Scan(append([]any{&o.ID, &o.Name, &policy, &o.Rev, &created, &o.Test}, more...)...); err != nil {
		return err
	}
	var p storedPolicy
	if err := DecodeJSON(policy, &p); err != nil {
		return err
	}
	o.CreatedAt = Moment(created)
	o.Policy = parley.Policy{DefaultTTL: time.Duration(p.DefaultTTL) * time.Millisecond,
		MaxTTL: time.Duration(p.MaxTTL) * time.Millisecond, LockTTL: p.LockTTL, DefinedAttributesOnly: p.Defined, AckWords: p.AckWords, Keywords: p.Keywords, ContactLimits: p.Limits,
		FallbackContent: p.FallbackContent, FallbackText: p.FallbackText, FallbackReplies: p.FallbackReplies,
		NoHighPriority: p.NoHighPriority, NoImages: p.NoImages, NoFiles: p.NoFiles}
	if p.Quiet != nil {
		o.Policy.Quiet = *p.Quiet
	}
	if p.Reminders != nil {
		o.Policy.Reminders = &parley.Reminders{Every: time.Duration(p.Reminders.Every) * time.Millisecond, Times: p.Reminders.Times}
	}
	for kind, keep := range p.Retention {
		if o.Policy.Retention == nil {
			o.Policy.Retention = make(map[parley.ConversationKind]time.Duration, len(p.Retention))
		}
		o.Policy.Retention[kind] = time.Duration(keep) * time.Millisecond
	}
	return nil
}

// Organization returns an organization.
func (q Queries) Organization(id parley.ID) (o parley.Organization, err error) {
	absent := true
	err = q.c.Query("SELECT "+organizationColumns+" FROM organizations AS o WHERE o.id = $1", []any{string(id)}, func(r *sql.Rows) error {
		absent = false
		return scanOrganization(r, &o)
	})
	if err == nil && absent {
		err = parley.NotFound("organization", id)
	}
	return o, err
}

// Organizations returns up to limit organizations with ids after one, for work that goes through all of them.
func (q Queries) Organizations(after parley.ID, limit int) ([]parley.Organization, error) {
	var organizations []parley.Organization
	err := q.c.Query("SELECT "+organizationColumns+" FROM organizations AS o WHERE o.id > $1 ORDER BY o.id LIMIT $2",
		[]any{string(after), limit}, func(r *sql.Rows) error {
			var o parley.Organization
			err := scanOrganization(r, &o)
			organizations = append(organizations, o)
			return err
		})
	return organizations, err
}

// TakenID refuses an id of a client's choice that something of the organization has, of whatever kind.
func (tx *Tx) TakenID(organization, id parley.ID) error {
	var taken bool
	err := tx.c.Row(`SELECT EXISTS (SELECT 1 FROM contacts WHERE organization_id = $1 AND id = $2)
		OR EXISTS (SELECT 1 FROM users WHERE organization_id = $1 AND id = $2)
		OR EXISTS (SELECT 1 FROM teams WHERE organization_id = $1 AND id = $2)
		OR EXISTS (SELECT 1 FROM roles WHERE organization_id = $1 AND id = $2)
		OR EXISTS (SELECT 1 FROM broadcasts WHERE organization_id = $1 AND id = $2)
		OR EXISTS (SELECT 1 FROM channels WHERE organization_id = $1 AND id = $2)
		OR EXISTS (SELECT 1 FROM conversations WHERE organization_id = $1 AND id = $2)
		OR EXISTS (SELECT 1 FROM messages WHERE organization_id = $1 AND id = $2)
		OR EXISTS (SELECT 1 FROM media WHERE organization_id = $1 AND id = $2)`, []any{string(organization), string(id)}, &taken)
	if err == nil && taken {
		err = idTaken(id)
	}
	return err
}

// InsertChannel adds a channel with its members. A second default of an address kind is parley.Conflict
// "default-taken": see ClearDefaultChannel.
func (tx *Tx) InsertChannel(organization parley.ID, c *parley.Channel) error {
	c.CreatedAt, c.Rev = tx.Now, 1
	n, err := tx.c.Exec(`INSERT INTO channels (organization_id, id, name, connector, platform, address_kind, address, settings, thread,
			reopen, conversational, open, is_default, rate, concurrency, on_unknown, paused, deleted_at, rev, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, 0, 1, $18)
		ON CONFLICT (organization_id, id) DO NOTHING`,
		string(organization), string(c.ID), c.Name, c.Connector, c.Platform, string(c.AddressKind), c.Address, string(c.Settings),
		string(c.Thread), string(c.Reopen), c.Conversational, c.Open, c.Default, c.Rate, c.Concurrency, string(c.OnUnknown), c.Paused,
		Millis(c.CreatedAt))
	switch {
	case sqldb.IsUnique(err):
		return defaultTaken(c.AddressKind)
	case err != nil:
		return err
	case n == 0:
		return idTaken(c.ID)
	}
	return tx.insertChannelMembers(organization, c)
}

func defaultTaken(kind parley.AddressKind) error {
	return parley.Conflict("default-taken", "another channel is the default for %s", kind)
}

var insertChannelMembers = `INSERT INTO channel_members (organization_id, channel_id, user_id)
	SELECT $1, $2, j.user_id FROM ` + sqldb.From("$3", "user_id TEXT") + ` AS j WHERE true ON CONFLICT DO NOTHING`

func (tx *Tx) insertChannelMembers(organization parley.ID, c *parley.Channel) error {
	if len(c.Members) == 0 {
		return nil
	}
	_, err := tx.c.Exec(insertChannelMembers, string(organization), string(c.ID), IDRows(c.Members))
	return err
}

// UpdateChannel writes what can be changed, members too, raises the revision and returns it. A second default
// of an address kind is parley.Conflict "default-taken".
func (tx *Tx) UpdateChannel(organization parley.ID, c *parley.Channel) error {
	err := tx.c.Row(`UPDATE channels SET name = $1, address = $2, settings = $3, thread = $4, reopen = $5, conversational = $6, open = $7,
			is_default = $8, rate = $9, concurrency = $10, on_unknown = $11, paused = $12, rev = rev + 1
		WHERE organization_id = $13 AND id = $14 AND deleted_at = 0 RETURNING rev`, []any{c.Name, c.Address, string(c.Settings),
		string(c.Thread), string(c.Reopen), c.Conversational, c.Open, c.Default, c.Rate, c.Concurrency, string(c.OnUnknown), c.Paused,
		string(organization), string(c.ID)}, &c.Rev)
	if sqldb.IsUnique(err) {
		return defaultTaken(c.AddressKind)
	}
	if err != nil {
		return Found(err, "channel", c.ID)
	}
	_, err = tx.c.Exec("DELETE FROM channel_members WHERE organization_id = $1 AND channel_id = $2", string(organization), string(c.ID))
	if err != nil {
		return err
	}
	return tx.insertChannelMembers(organization, c)
}

// ClearDefaultChannel makes no channel the default of an address kind, and returns the one that was.
func (tx *Tx) ClearDefaultChannel(organization parley.ID, kind parley.AddressKind) ([]parley.ID, error) {
	return tx.ids(`UPDATE channels SET is_default = 0, rev = rev + 1 WHERE organization_id = $1 AND address_kind = $2
		AND is_default = 1 AND deleted_at = 0 RETURNING id`, string(organization), string(kind))
}

// DeleteChannel ends a channel. Its row stays for what it sent; its settings and members go.
func (tx *Tx) DeleteChannel(organization, id parley.ID) error {
	n, err := tx.c.Exec(`UPDATE channels SET deleted_at = $1, settings = '{}', is_default = 0, rev = rev + 1
		WHERE organization_id = $2 AND id = $3 AND deleted_at = 0`, Millis(tx.Now), string(organization), string(id))
	if err != nil {
		return err
	}
	if n == 0 {
		return parley.NotFound("channel", id)
	}
	_, err = tx.c.Exec("DELETE FROM channel_members WHERE organization_id = $1 AND channel_id = $2", string(organization), string(id))
	return err
}

const channelColumns = `c.id, c.name, c.connector, c.platform, c.address_kind, c.address, c.settings, c.thread, c.reopen, c.conversational,
	c.open, c.is_default, c.rate, c.concurrency, c.on_unknown, c.paused, c.rev, c.created_at`

func scanChannel(r *sql.Rows, c *parley.Channel, more ...any) error {
	var created int64
	var settings string
	err := r.Scan(append([]any{&c.ID, &c.Name, &c.Connector, &c.Platform, &c.AddressKind, &c.Address, &settings, &c.Thread, &c.Reopen, &c.Conversational,
		&c.Open, &c.Default, &c.Rate, &c.Concurrency, &c.OnUnknown, &c.Paused, &c.Rev, &created}, more...)...)
	c.CreatedAt, c.Settings = Moment(created), []byte(settings)
	return err
}

// Channel returns a channel with its members, unless it has been deleted. Its settings hold secrets.
func (q Queries) Channel(organization, id parley.ID) (parley.Channel, error) {
	return q.channel("c.id = $2", string(organization), string(id))
}

// DefaultChannel returns the channel that a send to an address kind takes when nothing else says.
func (q Queries) DefaultChannel(organization parley.ID, kind parley.AddressKind) (parley.Channel, error) {
	return q.channel("c.address_kind = $2 AND c.is_default = 1", string(organization), string(kind))
}

func (q Queries) channel(where, organization, name string) (c parley.Channel, err error) {
	absent := true
	err = q.c.Query("SELECT "+channelColumns+" FROM channels AS c WHERE c.organization_id = $1 AND "+where+" AND c.deleted_at = 0",
		[]any{organization, name}, func(r *sql.Rows) error {
			absent = false
			return scanChannel(r, &c)
		})
	if err == nil && absent {
		err = parley.NotFound("channel", parley.ID(name))
	}
	if err != nil || c.Open {
		return c, err
	}
	c.Members, err = q.ids("SELECT user_id FROM channel_members WHERE organization_id = $1 AND channel_id = $2 ORDER BY user_id",
		organization, string(c.ID))
	return c, err
}

var channelsByID = "SELECT " + channelColumns + " FROM channels AS c WHERE c.organization_id = $1 AND c.id IN " + IDSource

// ChannelsByID returns those of the channels that exist, with their members; deleted ones too, for their names.
func (q Queries) ChannelsByID(organization parley.ID, ids []parley.ID) (map[parley.ID]*parley.Channel, error) {
	channels := make(map[parley.ID]*parley.Channel, len(ids))
	if len(ids) == 0 {
		return channels, nil
	}
	err := q.c.Query(channelsByID, []any{string(organization), IDRows(ids)}, func(r *sql.Rows) error {
		c := &parley.Channel{}
		err := scanChannel(r, c)
		channels[c.ID] = c
		return err
	})
	if err != nil {
		return nil, err
	}
	return channels, q.addChannelMembers(organization, channels)
}

var membersOfChannels = "SELECT m.channel_id, m.user_id FROM channel_members AS m WHERE m.organization_id = $1 AND m.channel_id IN " + IDSource +
	" ORDER BY m.channel_id, m.user_id"

func (q Queries) addChannelMembers(organization parley.ID, channels map[parley.ID]*parley.Channel) error {
	ids := make([]parley.ID, 0, len(channels))
	for id := range channels {
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return nil
	}
	return q.c.Query(membersOfChannels, []any{string(organization), IDRows(ids)}, func(r *sql.Rows) error {
		var channel, user parley.ID
		if err := r.Scan(&channel, &user); err != nil {
			return err
		}
		channels[channel].Members = append(channels[channel].Members, user)
		return nil
	})
}

// ChannelFilter narrows a list of channels. Empty fields do not.
type ChannelFilter struct {
	Connector   string
	Platform    string
	AddressKind parley.AddressKind
}

// Channels returns up to limit channels that pass the filter, with ids after one and with their members; next
// is where to go on, empty at the end.
func (q Queries) Channels(organization parley.ID, f ChannelFilter, after parley.ID, limit int) ([]parley.Channel, parley.ID, error) {
	channels, next, err := list(q.c, "SELECT "+channelColumns+` FROM channels AS c WHERE c.organization_id = $1 AND c.id > $2
		AND c.deleted_at = 0 ORDER BY c.id LIMIT $3`, []any{string(organization), string(after)}, limit, examine(f != ChannelFilter{}, limit),
		func(r *sql.Rows, c *parley.Channel) (parley.ID, bool, error) {
			err := scanChannel(r, c)
			return c.ID, (f.Connector == "" || f.Connector == c.Connector) && (f.Platform == "" || f.Platform == c.Platform) &&
				(f.AddressKind == "" || f.AddressKind == c.AddressKind), err
		})
	if err != nil {
		return nil, "", err
	}
	byID := make(map[parley.ID]*parley.Channel, len(channels))
	for i := range channels {
		byID[channels[i].ID] = &channels[i]
	}
	return channels, next, q.addChannelMembers(organization, byID)
}

// ClosedChannels returns the channels that only their members see, and those of them that a user is a member of.
func (q Queries) ClosedChannels(organization, user parley.ID) (closed, member []parley.ID, err error) {
	err = q.c.Query(`SELECT c.id, m.user_id IS NOT NULL FROM channels AS c
		LEFT JOIN channel_members AS m ON m.organization_id = c.organization_id AND m.channel_id = c.id AND m.user_id = $1
		WHERE c.organization_id = $2 AND c.open = 0 ORDER BY c.id`, []any{string(user), string(organization)}, func(r *sql.Rows) error {
		var id parley.ID
		var in bool
		if err := r.Scan(&id, &in); err != nil {
			return err
		}
		closed = append(closed, id)
		if in {
			member = append(member, id)
		}
		return nil
	})
	return closed, member, err
}

// ChannelSight is a channel, deleted or not, and whether a user sees it.
type ChannelSight struct {
	ID           parley.ID
	Open, Member bool
}

// ChannelSights returns all channels, deleted ones too, and which of them a user is a member of.
func (q Queries) ChannelSights(organization, user parley.ID) ([]ChannelSight, error) {
	var list []ChannelSight
	err := q.c.Query(`SELECT c.id, c.open, m.user_id IS NOT NULL FROM channels AS c
		LEFT JOIN channel_members AS m ON m.organization_id = c.organization_id AND m.channel_id = c.id AND m.user_id = $1
		WHERE c.organization_id = $2 ORDER BY c.id`, []any{string(user), string(organization)}, func(r *sql.Rows) error {
		var c ChannelSight
		err := r.Scan(&c.ID, &c.Open, &c.Member)
		list = append(list, c)
		return err
	})
	return list, err
}
