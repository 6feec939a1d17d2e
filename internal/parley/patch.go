package parley

// Set changes a field to a value, if there is one: what a request for a change leaves out stays as it is.
func Set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}
