// Package tokens lists the slots of a loaded PKCS#11 library and the tokens in
// them: what CK_TOKEN_INFO says, the states of the PINs, and the mechanisms
// that are listed.
//
// Use it through package hsm, whose Module embeds [Slots]. Do not keep a slot
// number: it changes when a token is initialised. Keep a [Token.ID].
package tokens
