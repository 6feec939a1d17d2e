// Package api is the public face of Parley for Go programs: the wire types of the native HTTP API under
// /v1, and Client, which speaks it. It imports the standard library only.
//
// Conventions of the wire: names in camelCase; times in RFC 3339, UTC, with milliseconds; durations in
// seconds, as numbers; addresses as "kind:value" where one is named, such as "email:ana@example.org". A
// field without a value is left out, unless its documentation says that it is always there. Where a request
// has a field that is left out, the default of its documentation holds; a field of a patch that is left out
// stays as it is.
//
// The struct tags beside the JSON names (doc, enum, minimum, maxLength, …) are what the server validates
// requests with and makes its OpenAPI document from.
package api
