// Package p11 is one open PKCS#11 session by its calls: objects, attributes and
// templates, and the return values by their names. It knows nothing of a
// security world.
//
// Use it below package hsm only, which decides who is logged in and what a
// template must hold. The methods of [Session] return the library's own error;
// [Fail] turns it into one for a person.
package p11
