package bird

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"

	"github.com/parley-server/parley/internal/core/outside"
	"github.com/parley-server/parley/internal/parley"
)

// interaction is what somebody did with a message.
type interaction struct {
	ID                string         `json:"id"`
	MessageID         string         `json:"messageId"`
	ChannelID         string         `json:"channelId"`
	PlatformID        string         `json:"platformId"`
	Type              string         `json:"type"`
	MessageReference  string         `json:"messageReference"`
	MessagePartsCount int            `json:"messagePartsCount"`
	MessageTags       []string       `json:"messageTags"`
	Receiver          connectorEnd   `json:"receiver"`
	CreatedAt         string         `json:"createdAt"`
	Details           string         `json:"details"`
	Metadata          map[string]any `json:"metadata"`
	MessageCreatedAt  string         `json:"messageCreatedAt"`
	IsFirst           bool           `json:"isFirstInteraction"`
}

// interactionTypes are what kinds of interactions are called. What is not in it is no interaction here.
var interactionTypes = map[parley.InteractionKind]string{parley.InteractionRead: "read", parley.InteractionOpened: "opened",
	parley.InteractionClicked: "clicked", parley.InteractionReacted: "reaction"}

// interactions lists what people did with a message, the newest last.
func (c *call) interactions() error {
	item, err := c.item()
	if err != nil {
		return err
	}
	_, list, err := c.Outside.Interactions(c.r0(), c.p, item.Channel, item.ID)
	if err != nil {
		return err
	}
	results := []interaction{}
	for i := range list {
		if kind := interactionTypes[list[i].Kind]; kind != "" {
			results = append(results, shownInteraction(&item, &list[i], kind, len(results) == 0))
		}
	}
	write(c.w, http.StatusOK, page{Results: results})
	return nil
}

func shownInteraction(m *outside.Item, i *parley.Interaction, kind string, first bool) interaction {
	o := interaction{ID: interactionID(i), MessageID: m.ID.UUID(), ChannelID: m.Channel.UUID(), PlatformID: platformOf(m.Platform), Type: kind,
		MessageReference: m.Reference, MessagePartsCount: max(1, len(m.Parts)), MessageTags: append([]string{}, m.Tags...), CreatedAt: stamp(i.At),
		Metadata: map[string]any{}, MessageCreatedAt: stamp(m.CreatedAt), IsFirst: first}
	o.Receiver.Connector.ID, o.Receiver.Connector.IdentifierValue = m.Channel.UUID(), m.Own.Address
	switch i.Kind {
	case parley.InteractionClicked:
		n, action := actionOf(m.Body, i.Action)
		if action != nil {
			o.Details = fmt.Sprintf("item_%d_clicked", n)
			o.Metadata["button"] = map[string]string{"payload": action.Payload}
		}
		if i.URL != "" {
			link := map[string]string{"url": i.URL}
			if action != nil {
				link["name"] = action.Text
			}
			o.Metadata["link"] = link
		}
	case parley.InteractionReacted:
		o.Details = i.Emoji
		o.Metadata["reaction"] = map[string]string{"emoji": i.Emoji, "action": "react"}
	}
	return o
}

// actionOf is the action of an id, and which of the body's it is, from 1.
func actionOf(body []parley.Part, id string) (n int, found *parley.Action) {
	at := 0
	parley.EachActions(body, func(_ string, list []parley.Action) {
		for i := range list {
			if at++; list[i].ID == id && found == nil {
				n, found = at, &list[i]
			}
		}
	})
	return n, found
}

// interactionID is the id of what has none of its own: the same each time, of who did what with which message.
func interactionID(i *parley.Interaction) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{string(i.Message), string(i.Kind), string(i.Actor.Kind), string(i.Actor.ID), i.Address.String(), i.Action, i.URL, i.Emoji}, "\x00")))
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-8" + h[17:20] + "-" + h[20:32]
}
