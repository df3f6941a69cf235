// Package policy searches for attacks on the export policy: a symbolic model,
// after Dolev and Yao, of the objects on a token, the PKCS#11 calls, the steps
// of the quorum and of the operator, and the vault.
//
// Its input is the table of package hsm/templates itself ([Shipped]), and how
// a module answers the calls ([token.Module]). [Run] saturates what an
// [Attacker] can learn, make and have wrapped, and lists each [Goal] that he
// reaches with the shortest way to it.
//
// Nothing that was once possible becomes impossible, other than by a card
// replacement: what is not found here is not possible in any order of the
// steps, within the bounds of [Bounds].
//
// It is for tests. Package policy/token models the token, package
// policy/findings lists what the search finds, and package policy/enact carries
// its ways out on a real module.
package policy
