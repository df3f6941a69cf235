// Command dial has package net linked in.
package main

import "net"

func main() {
	c, err := net.Dial("tcp", "192.0.2.1:443")
	if err == nil {
		_ = c.Close()
	}
}
