// Package template keeps what is written once and sent again and again: templates in versions and locales, and saved
// replies; and puts values in the place of their variables.
package template
