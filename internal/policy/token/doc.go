// Package token models a PKCS#11 token for package policy: the values that a
// token holds ([Term]), its objects ([Object]) with their attributes ([Attrs]),
// and what a module answers ([Module]).
//
// A term stands for a value, and cryptography is perfect: who lacks the key of
// a term learns nothing from it.
//
// It is for tests. Packages that work with a real token use package hsm.
package token
