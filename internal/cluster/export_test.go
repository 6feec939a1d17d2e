package cluster

// ClientURL is where the embedded server would take clients.
func (l *Link) ClientURL() string { return l.server.ClientURL() }
