// Package softworld makes security worlds in software, for tests and
// benchmarks: a kmdata folder with real cards, seals and signatures, and
// transfer copies that open with the private half of their KEK. Its keys were
// never in an HSM.
//
// Call [New], then the methods of [World], which append statements and write
// key files as a ceremony would. To attack a folder, change its files, sign
// them again with [World.Sign], and open it with kmdata.Open.
//
// Do not import it into a program: it holds keys in clear, and the RSA keys
// of testdata are in every copy of the source.
package softworld
