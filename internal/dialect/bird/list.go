package bird

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/core/outside"
	"github.com/parley-server/parley/internal/parley"
)

// page is a list as it is answered.
type page struct {
	Results       any    `json:"results"`
	NextPageToken string `json:"nextPageToken,omitempty"`
}

const (
	pageSize     = 10
	largestPage  = 1000
	longestToken = 8000
)

// query reads the parameters of a list.
type query struct {
	values url.Values
	read   []string // names that count
	wrong  []parley.FieldError
}

func (q *query) refuse(name, code, message string) {
	q.wrong = append(q.wrong, parley.FieldError{Field: name, Code: code, Message: message})
}

func (q *query) texts(name string) (list []string) {
	q.read = append(q.read, name)
	for _, key := range []string{name, name + "[]"} {
		for _, v := range q.values[key] {
			for _, one := range strings.Split(v, ",") {
				if one != "" {
					list = append(list, one)
				}
			}
		}
	}
	return list
}

// text is the one value of a parameter; of several names for it the first that is there.
func (q *query) text(names ...string) string {
	q.read = append(q.read, names...)
	for _, name := range names {
		list := q.values[name]
		if len(list) > 1 {
			q.refuse(name, "too-many", "may be given once")
		}
		if len(list) > 0 && list[0] != "" {
			if strings.IndexByte(list[0], 0) >= 0 || len(list[0]) > 1000 {
				q.refuse(name, "text-invalid", "must be at most 1000 bytes, without U+0000")
				return ""
			}
			return list[0]
		}
	}
	return ""
}

func (q *query) yes(name string) bool {
	switch text := q.text(name); text {
	case "", "false", "0":
		return false
	case "true", "1":
		return true
	}
	q.refuse(name, "type", "must be true or false")
	return false
}

func (q *query) moment(name string) (t time.Time) {
	text := q.text(name)
	if text == "" {
		return t
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		q.refuse(name, "time-invalid", "must be a time such as 2026-01-31T10:00:00Z")
	}
	return t
}

func (q *query) uuid(name string) parley.ID {
	text := q.text(name)
	if text == "" {
		return ""
	}
	id, ok := parley.IDFromUUID(text)
	if !ok {
		q.refuse(name, "id-invalid", "must be the id of one that there is")
	}
	return id
}

func (q *query) limit() int {
	text := q.values.Get("limit")
	if text == "" {
		return pageSize
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > largestPage {
		q.refuse("limit", "out-of-range", "must be 1 to 1000")
	}
	return n
}

// filters is a digest of the list and everything that narrows it, which a token holds on to.
func (q *query) filters(path string) string {
	names := slices.Sorted(slices.Values(q.read))
	text := path
	for _, name := range slices.Compact(names) {
		for _, v := range append(slices.Clone(q.values[name]), q.values[name+"[]"]...) {
			text += "\x00" + name + "=" + v
		}
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// after is the cursor in the page token, which goes with the filters that it was made with only.
func (q *query) after(path string) string {
	token := q.values.Get("pageToken")
	if token == "" {
		return ""
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(token, "="))
	var parts []string
	if len(token) > longestToken || err != nil || json.Unmarshal(raw, &parts) != nil || len(parts) != 2 || parts[0] == "" {
		q.refuse("pageToken", "token-invalid", "must be the nextPageToken of an earlier page")
		return ""
	}
	if parts[1] != q.filters(path) {
		q.refuse("pageToken", "token-of-other-filters", "was made for another list or other filters: keep them the same from page to page")
		return ""
	}
	return parts[0]
}

func (q *query) token(path, next string) string {
	if next == "" {
		return ""
	}
	raw, _ := json.Marshal([]string{next, q.filters(path)}) // strings always can be
	return base64.RawURLEncoding.EncodeToString(raw)
}

// directions are what messages go in.
var directions = map[string]parley.Direction{"": "", "incoming": parley.Inbound, "outgoing": parley.Outbound}

// messages lists those of a channel, or of all.
func (c *call) messages() error {
	q := query{values: c.r.URL.Query()}
	f := outside.Filter{Except: c.unseen(), Tag: strings.ToLower(q.text("tag")), Subject: q.text("subject", "emailSubject"), Batch: q.uuid("batchId"),
		Since: q.moment("startAt"), Until: q.moment("endAt"), Sender: q.text("sender"), Receiver: q.text("receiver", "recipient", "phonenumber"), Oldest: q.yes("reverse")}
	for _, name := range q.texts("platform") {
		f.Platforms = append(f.Platforms, innerPlatform(name))
	}
	for _, word := range q.texts("status") {
		f.States = append(f.States, statesOf(word)...)
		if len(statesOf(word)) == 0 {
			q.refuse("status", "value-unknown", "must be the status of a message")
		}
	}
	var known bool
	if f.Direction, known = directions[q.text("direction")]; !known {
		q.refuse("direction", "value-unknown", "must be incoming or outgoing")
	}
	if c.r.PathValue("channelId") != "" {
		own, err := c.own()
		if err != nil {
			return err
		}
		f.Channel = own.ID
	} else {
		f.Channel = q.uuid("channelId")
	}
	limit, after := q.limit(), q.after(c.path)
	if err := parley.InvalidFields(q.wrong); err != nil {
		return err
	}
	items, next, err := c.Outside.List(c.r0(), c.p, f, after, limit)
	if f.Channel != "" && parley.IsKind(err, parley.KindNotFound) {
		items, next, err = nil, "", nil
	}
	if err != nil {
		return here(err)
	}
	shown := make([]message, len(items))
	for i := range items {
		shown[i] = c.shown(&items[i])
	}
	write(c.w, http.StatusOK, page{shown, q.token(c.path, next)})
	return nil
}

// unseen reports the channels whose messages the key's policies keep from it.
func (c *call) unseen() func(parley.ID) bool {
	known := map[parley.ID]bool{}
	return func(channel parley.ID) bool {
		hidden, there := known[channel]
		if !there {
			hidden = c.hidden("/workspaces/" + c.p.Organization.UUID() + "/channels/" + channel.UUID() + "/messages")
			known[channel] = hidden
		}
		return hidden
	}
}

// message answers one.
func (c *call) message() error {
	item, err := c.item()
	if err != nil {
		return err
	}
	write(c.w, http.StatusOK, c.shown(&item))
	return nil
}

// item is the message in the path.
func (c *call) item() (outside.Item, error) {
	own, err := c.own()
	if err != nil {
		return outside.Item{}, err
	}
	id, err := c.id("messageId", "message")
	if err != nil {
		return outside.Item{}, err
	}
	item, err := c.Outside.Message(c.r0(), c.p, own.ID, id)
	if parley.IsKind(err, parley.KindNotFound) {
		err = notFound("message", id.UUID())
	}
	return item, err
}
