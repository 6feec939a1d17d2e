package bird

import (
	"net/http"
	"slices"
	"strings"

	"github.com/parley-server/parley/internal/core/directory"
	"github.com/parley-server/parley/internal/core/outside"
	"github.com/parley-server/parley/internal/parley"
)

// platformIDs are the names of platforms that are not those of Parley.
var platformIDs = map[string]string{"sms": "sms-messagebird", "email": "email-messagebird", "voice": "voice-messagebird"}

// platformOf is the name of a platform here.
func platformOf(platform string) string {
	if id := platformIDs[platform]; id != "" {
		return id
	}
	return platform
}

// innerPlatform is the platform of a name: sms and sms-messagebird are the same.
func innerPlatform(name string) string {
	for platform, id := range platformIDs {
		if id == name {
			return platform
		}
	}
	return name
}

// channel is the resource.
type channel struct {
	ID          string `json:"id"`
	WorkspaceID string `json:"workspaceId"`
	PlatformID  string `json:"platformId"`
	Name        string `json:"name"`
	ConnectorID string `json:"connectorId"`
	Identifier  string `json:"identifier"`
	Status      string `json:"status"`
	CreatedAt   string `json:"createdAt"`
	UpdatedAt   string `json:"updatedAt"`
}

// Statuses of channels.
const (
	channelActive   = "active"
	channelInactive = "inactive"
)

func channelStatus(ch *parley.Channel) string {
	if ch.Paused {
		return channelInactive
	}
	return channelActive
}

func (c *call) shownChannel(ch *parley.Channel) channel {
	return channel{ID: ch.ID.UUID(), WorkspaceID: c.p.Organization.UUID(), PlatformID: platformOf(ch.Platform), Name: ch.Name, ConnectorID: ch.ID.UUID(),
		Identifier: ch.Address, Status: channelStatus(ch), CreatedAt: stamp(ch.CreatedAt), UpdatedAt: stamp(ch.CreatedAt)}
}

// channel answers one.
func (c *call) channel() error {
	if err := c.p.Require(parley.ScopeChannelsRead); err != nil {
		return err
	}
	own, err := c.own()
	if err != nil {
		return err
	}
	write(c.w, http.StatusOK, c.shownChannel(&own))
	return nil
}

// mostChannels is how many are looked at together.
const mostChannels = 200

// channels lists them, the newest first.
func (c *call) channels() error {
	q := query{values: c.r.URL.Query()}
	platforms, statuses, ids, reverse := q.texts("platform"), q.texts("status"), q.texts("id"), q.yes("reverse")
	limit, after := q.limit(), parley.ID(q.after(c.path))
	if err := parley.InvalidFields(q.wrong); err != nil {
		return err
	}
	var all []parley.Channel
	for next, more := parley.ID(""), true; more; more = next != "" {
		var some []parley.Channel
		var err error
		if some, next, err = c.Directory.Channels(c.r0(), c.p, directory.ChannelFilter{}, next, mostChannels); err != nil {
			return err
		}
		all = append(all, some...)
	}
	all = slices.DeleteFunc(all, func(ch parley.Channel) bool {
		return !outside.Sees(c.p, &ch) || c.hidden(c.path+"/"+ch.ID.UUID()) || len(statuses) > 0 && !slices.Contains(statuses, channelStatus(&ch)) ||
			len(platforms) > 0 && !slices.ContainsFunc(platforms, func(name string) bool { return innerPlatform(name) == ch.Platform }) ||
			len(ids) > 0 && !slices.ContainsFunc(ids, func(id string) bool { return strings.EqualFold(id, ch.ID.UUID()) })
	})
	if !reverse {
		slices.Reverse(all)
	}
	if after != "" {
		all = slices.DeleteFunc(all, func(ch parley.Channel) bool { return reverse && ch.ID <= after || !reverse && ch.ID >= after })
	}
	results, next := []channel{}, parley.ID("")
	for i := range all {
		if len(results) == limit {
			next = all[i-1].ID
			break
		}
		results = append(results, c.shownChannel(&all[i]))
	}
	write(c.w, http.StatusOK, page{results, q.token(c.path, string(next))})
	return nil
}

// workspaces lists the one that the key works in.
func (c *call) workspaces() error {
	o, err := c.Directory.Organization(c.r0(), c.p)
	if err != nil {
		return err
	}
	write(c.w, http.StatusOK, page{Results: []map[string]string{shownWorkspace(&o)}})
	return nil
}

func (c *call) workspace() error {
	o, err := c.Directory.Organization(c.r0(), c.p)
	if err != nil {
		return err
	}
	write(c.w, http.StatusOK, shownWorkspace(&o))
	return nil
}

// shownWorkspace shows an organization, which is its only workspace.
func shownWorkspace(o *parley.Organization) map[string]string {
	return map[string]string{"id": o.ID.UUID(), "organizationId": o.ID.UUID(), "name": o.Name, "createdAt": stamp(o.CreatedAt)}
}
