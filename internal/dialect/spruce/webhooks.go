package spruce

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/core/webhooks"
	"github.com/parley-server/parley/internal/parley"
)

// webhookEndpoint is where events are posted to, as the API writes it.
type webhookEndpoint struct {
	Object    string          `json:"object"`
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	URL       string          `json:"url"`
	Status    string          `json:"status"`
	CreatedAt string          `json:"createdAt"`
	Secrets   []signingSecret `json:"signingSecrets"`
}

type signingSecret struct {
	ID    string `json:"id"`
	Value string `json:"value"` // in the answer that makes it only
}

func webhookOf(w *parley.Webhook) webhookEndpoint {
	v := webhookEndpoint{Object: "webhookDestinationEndpoint", ID: prefixWebhook + string(w.ID), Name: w.Name, URL: w.URL, Status: "active",
		CreatedAt: stamp(w.CreatedAt), Secrets: make([]signingSecret, len(w.Secrets))}
	if w.Paused {
		v.Status = "paused"
	}
	for i, s := range w.Secrets {
		v.Secrets[i] = signingSecret{prefixSecret + string(s.ID), s.Value}
	}
	return v
}

func (c *call) webhookID() (parley.ID, error) {
	return idOf("endpointId", prefixWebhook, c.r.PathValue("endpoint"))
}

func listWebhooks(c *call) (any, error) {
	all, err := c.Webhooks.List(c.ctx, c.p, Name)
	list := make([]webhookEndpoint, len(all))
	for i := range all {
		list[i] = webhookOf(&all[i])
	}
	return map[string]any{"endpoints": list}, err
}

func createWebhook(c *call) (any, error) {
	var body struct {
		Name string `json:"name"`
		URL  string `json:"url"`
	}
	if err := c.read(&body); err != nil {
		return nil, err
	}
	i, err := c.idempotency()
	if err != nil {
		return nil, err
	}
	made, _, err := c.Webhooks.Create(c.ctx, c.p, webhooks.Params{Format: Name, Name: body.Name, URL: body.URL}, i)
	if err != nil {
		return nil, err
	}
	return map[string]any{"endpoint": webhookOf(&made)}, nil
}

func getWebhook(c *call) (any, error) {
	id, err := c.webhookID()
	if err != nil {
		return nil, err
	}
	found, err := c.Webhooks.Get(c.ctx, c.p, Name, id)
	return map[string]any{"endpoint": webhookOf(&found)}, err
}

func deleteWebhook(c *call) (any, error) {
	id, err := c.webhookID()
	if err != nil {
		return nil, err
	}
	return nil, c.Webhooks.Delete(c.ctx, c.p, Name, id)
}

func pauseWebhook(c *call) (any, error) {
	id, err := c.webhookID()
	if err != nil {
		return nil, err
	}
	paused := c.r.URL.Query().Get("paused")
	if paused != "true" && paused != "false" {
		return nil, parley.Invalid("paused", "value-unknown", "must be true or false")
	}
	i, err := c.idempotency()
	if err != nil {
		return nil, err
	}
	changed, err := c.Webhooks.Pause(c.ctx, c.p, Name, id, paused == "true", i)
	return map[string]bool{"paused": changed.Paused}, err
}

// postsPage is how many posts a page has.
const postsPage = 20

// post is an event that was posted, or is to be, as the API writes it.
type post struct {
	Object    string       `json:"object"`
	ID        string       `json:"id"`
	EventTime string       `json:"eventTime"`
	Data      string       `json:"data"` // JSON
	Delivery  postDelivery `json:"delivery"`
}

type postDelivery struct {
	Status          string `json:"status"`
	Attempts        int    `json:"attempts"`
	AttemptLimit    int    `json:"attemptLimit"`
	DeliveryTime    string `json:"deliveryTime,omitempty"`
	NextAttemptTime string `json:"nextAttemptTime,omitempty"`
}

// postStates is what the states of posts are called.
var postStates = map[parley.PostState]string{parley.PostWaiting: "pending", parley.PostDelivered: "delivered", parley.PostFailed: "failed"}

func postOf(p *webhooks.Outgoing) post {
	v := post{Object: "webhookDestinationEndpointEvent", ID: prefixPost + string(webhooks.PostID(p.PostKey)), EventTime: stamp(p.At), Data: string(p.Body),
		Delivery: postDelivery{Status: postStates[p.State], Attempts: p.Attempts, AttemptLimit: attempts}}
	switch p.State {
	case parley.PostDelivered:
		v.Delivery.DeliveryTime = stamp(p.TriedAt)
	case parley.PostWaiting:
		v.Delivery.NextAttemptTime = stamp(p.NextAt)
	}
	if p.Body == nil { // what it was about is gone, or not to be seen any more
		v.Data = string(envelope(p.Kind, p.At, nil))
	}
	return v
}

func listPosts(c *call) (any, error) {
	id, err := c.webhookID()
	if err != nil {
		return nil, err
	}
	since, err := c.moment("startTime")
	if err != nil {
		return nil, err
	}
	until, err := c.moment("endTime")
	if err != nil {
		return nil, err
	}
	list := fmt.Sprintf("events %s %d %d", id, since.UnixMilli(), until.UnixMilli())
	p, err := c.paging(list, 1, postsPage)
	if err != nil {
		return nil, err
	}
	var before parley.PostKey
	if p.token != nil {
		if before, err = postKey(p.token.After); err != nil {
			return nil, err
		}
	}
	found, next, err := c.Webhooks.Posts(c.ctx, c.p, Name, id, since, until, before, postsPage)
	if err != nil {
		return nil, err
	}
	answer := struct {
		Events          []post `json:"events"`
		HasMore         bool   `json:"hasMore"`
		PaginationToken string `json:"paginationToken,omitempty"`
	}{Events: make([]post, len(found)), HasMore: next != nil}
	for i := range found {
		answer.Events[i] = postOf(&found[i])
	}
	if next != nil {
		answer.PaginationToken = token{List: list, After: fmt.Sprintf("%d.%d.%d", next.At.UnixMilli(), next.Sequence, next.Part)}.String()
	}
	return answer, nil
}

// postKey reads the place in a list of posts that a token has.
func postKey(text string) (key parley.PostKey, err error) {
	parts := strings.Split(text, ".")
	var n [3]int64
	for i := range n {
		if len(parts) == len(n) && err == nil {
			n[i], err = strconv.ParseInt(parts[i], 10, 64)
		}
	}
	if err != nil || len(parts) != len(n) {
		return key, errToken
	}
	return parley.PostKey{At: time.UnixMilli(n[0]), Sequence: n[1], Part: int(n[2])}, nil
}
