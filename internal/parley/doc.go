// Package parley is the domain: the nouns of the product, their ids, states and
// rules of form, and the one error type. It is a leaf; it imports the standard
// library only, and everything else imports it.
//
// Long because one package of nouns, a file for each area, is what every other package can name without circles.
package parley
