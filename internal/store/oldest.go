package store

import (
	"database/sql"

	"github.com/parley-server/parley/internal/parley"
)

// HeadsAfter is HeadsBefore the other way round: up to limit messages with ids above one, oldest first. It goes by batch, by tag, by
// channel, or through all.
func (q Queries) HeadsAfter(organization parley.ID, index MessageIndex, after parley.ID, limit int) ([]MessageHead, error) {
	o, a := string(organization), string(after)
	switch {
	case index.Batch != "":
		return q.heads(`message_batches AS b JOIN messages AS m ON m.organization_id = b.organization_id AND m.id = b.message_id
			WHERE b.organization_id = $1 AND b.batch_id = $3 AND b.message_id > $2 ORDER BY b.message_id LIMIT $4`, o, a, string(index.Batch), limit)
	case index.Tag != "":
		return q.heads(`message_tags AS t JOIN messages AS m ON m.organization_id = t.organization_id AND m.id = t.message_id
			WHERE t.organization_id = $1 AND t.tag = $3 AND t.message_id > $2 ORDER BY t.message_id LIMIT $4`, o, a, index.Tag, limit)
	case index.Channel != "":
		return q.heads("messages AS m WHERE m.organization_id = $1 AND m.id > $2 AND m.channel_id = $3 AND m.channel_id <> '' ORDER BY m.id LIMIT $4",
			o, a, string(index.Channel), limit)
	}
	return q.heads("messages AS m WHERE m.organization_id = $1 AND m.id > $2 ORDER BY m.id LIMIT $3", o, a, limit)
}

var deliveriesByMessage = "SELECT " + deliveryColumns + " FROM deliveries AS d WHERE d.organization_id = $1 AND d.message_id IN " + IDSource +
	" ORDER BY d.message_id, d.number"

// DeliveriesByMessage returns the deliveries of messages, in order of their numbers.
func (q Queries) DeliveriesByMessage(organization parley.ID, messages []parley.ID) (map[parley.ID][]parley.Delivery, error) {
	deliveries := make(map[parley.ID][]parley.Delivery, len(messages))
	if len(messages) == 0 {
		return deliveries, nil
	}
	err := q.c.Query(deliveriesByMessage, []any{string(organization), IDRows(messages)}, func(r *sql.Rows) error {
		var d parley.Delivery
		err := scanDelivery(r, &d)
		deliveries[d.Message] = append(deliveries[d.Message], d)
		return err
	})
	return deliveries, err
}
