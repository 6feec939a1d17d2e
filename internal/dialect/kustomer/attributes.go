package kustomer

import (
	"net/url"
	"regexp"
	"slices"

	"github.com/parley-server/parley/internal/parley"
)

// messageShape is what a message is made of: a closed object.
var messageShape = shape{
	required: []string{"channel", "app"},
	members: map[string]rule{
		"id": objectID, "externalId": text(0, 256), "customer": objectID, "conversation": objectID,
		"channel": oneOf("email", "sms", "chat", "facebook", "twitter-dm", "twitter-tweet", "voice", "instagram", "whatsapp"),
		"app":     text(0, 0), "preview": text(0, 10240), "subject": text(0, 256), "direction": oneOf("in", "out"),
		"size": number, "related": text(0, 0), "status": oneOf("sent", "received", "error"),
		"reference": (&shape{required: []string{"message", "type"},
			members: map[string]rule{"message": objectID, "type": oneOf("reply", "replyAll", "forward")}}).rule,
		"error": (&shape{members: map[string]rule{"status": number, "code": text(0, 0), "title": text(0, 0), "detail": text(0, 0),
			"source": anyObject, "meta": anyObject, "links": anyObject}}).rule,
		"errorAt": dateTime, "auto": boolean, "sentAt": dateTime, "source": oneOf("bulk", "satisfaction"),
		"shortcuts": list(objectID), "kbArticles": list(objectID), "attachments": attachmentList,
		"location": (&shape{open: true, members: map[string]rule{"name": text(0, 0), "address": text(0, 256), "address2": text(0, 256),
			"address3": text(0, 256), "latitude": number, "longitude": number, "countryCode": text(2, 2), "countryName": text(0, 64),
			"regionCode": text(0, 2), "regionName": text(0, 128), "cityName": text(0, 128), "zipCode": text(0, 30), "areaCode": text(0, 30)}}).rule,
		"meta": anyObject, "custom": customAttributes,
		"sentiment": (&shape{required: []string{"polarity", "confidence"},
			members: map[string]rule{"polarity": oneOfNumbers(-1, 0, 1), "confidence": between(-1, 1)}}).rule,
		"createdAt": dateTime, "modifiedAt": dateTime, "createdBy": objectID, "modifiedBy": objectID, "importedAt": dateTime,
		"lang": nullable(text(0, 100)), "queue": queue,
	},
}

// attachmentList is of ids, or of objects with ids.
func attachmentList(c *parley.Check, at string, v any) {
	values, _ := v.([]any)
	if slices.ContainsFunc(values, func(one any) bool { _, is := one.(object); return is }) {
		list((&shape{required: []string{"_id", "name", "contentType", "contentLength"}, members: map[string]rule{"_id": objectID, "name": text(0, 0),
			"contentType": text(0, 0), "contentLength": number, "sourceId": objectID}}).rule)(c, at, v)
		return
	}
	list(objectID)(c, at, v)
}

func queue(c *parley.Check, at string, v any) {
	(&shape{members: map[string]rule{"id": objectID, "external": oneOf("amazon-connect")}}).rule(c, at, v)
	if o, ok := v.(object); ok && len(o) == 0 {
		c.Refuse(at, "required", "must have id or external")
	}
}

// customKey is a name in camel case with the suffix that says its type.
var customKey = regexp.MustCompile(`^[a-z][0-9A-Za-z]*(Str|Txt|Num|At|Bool|Url|Id|Tree)$`)

// customTypes are the types of custom attributes, by their suffixes.
var customTypes = map[string]rule{
	"Str": text(0, 1024), "Txt": text(0, 0), "Num": number, "At": dateTime, "Bool": boolean, "Url": webAddress, "Id": objectID, "Tree": text(0, 0),
}

// customAttributes are what an organization has besides. A null clears one.
func customAttributes(c *parley.Check, at string, v any) {
	anyObject(c, at, v)
	o, _ := v.(object)
	names := make([]string, 0, len(o))
	for name := range o {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		found := customKey.FindStringSubmatch(name)
		if found == nil {
			c.Refuse(at+"."+name, "custom-suffix", "must be in camel case and end in Str, Txt, Num, At, Bool, Url, Id or Tree")
			continue
		}
		nullable(customTypes[found[1]])(c, at+"."+name, o[name])
	}
}

func webAddress(c *parley.Check, at string, v any) {
	s, ok := v.(string)
	if u, err := url.Parse(s); !ok || err != nil || u.Scheme == "" || u.Host == "" {
		c.Refuse(at, "url-invalid", "must be a web address")
	}
}
