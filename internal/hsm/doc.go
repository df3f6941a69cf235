// Package hsm is the project's only cgo: one PKCS#11 library and one token of
// it, with the attributes, wraps and copies that a security world needs, and
// the probes that prove whether the token enforces them.
//
// Open a library with [Load], which runs its code in this process: check it
// with package library first. Pick a [Token], then work in a [Session]. Roles
// come and go in it; login state belongs to the token and not to a session
// (PKCS#11 v2.40, section 5.6).
//
// A quorum session is one Session from its first login to Close: the trusted
// keys of a transfer are session objects, and nothing that wraps for a vault
// is ever on the token. What is shown, approved, copied and wrapped is one
// [Key], by its handle: do not find it again by its label in between.
//
// [User] is for an operator's own work, without an SO: it generates and signs
// through crypto11. What crypto11 does not offer (SO login, wrapping, copying,
// secp256k1) goes through miekg/pkcs11.
//
// Below it are what it is made of: packages tokens (slots, tokens, PINs),
// templates (attributes of each kind of object), inventory (objects of a
// token), publickey (their encodings), probe and p11 (the raw session).
//
// Do not take a restriction for enforced because an attribute says so: the
// Probe methods try to undo it, and count only a refusal whose control works.
package hsm
