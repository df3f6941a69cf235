/*
 * SHIM_FIXED_RSA: RSA keys that a test's program makes for the time of a login
 * are this one. A real module takes a second for some of them, and whoever reads
 * the test has the private half anyway.
 */
#include <stdlib.h>
#include <string.h>

#include "shim.h"

static const char modulus[] =
	"be898424c927463976a89842f2de1d9fa4b71f84cec450676d8e80cfe97a6282efadb0b98b14c724ab6b85bd9dfbbcc1"
	"f913791bfff94ae60865fff3ed595faaaf21f777d8bb7a108d214772b12a176618389e8d4ff4b2e0db94da1979600a74"
	"fab285154be086e6a8cd73d7aae2fda090c34e2f24a65603d7fac9ee41d21b4fb134bc9b5a14446608c17c293a14c71b"
	"ff4c780232402423a744f8d784dd41e8f213177d46e986339536646c3abe6342f37315aef265403d528fe4b62580e3d9"
	"9b4850d2787a6412f5ae3d96d8d57172f76b74c388bc3d30e9e0e1df678cbbe912a326425c0ad772892cf7686ff07932"
	"a5b9c79604f2b119c26f5e8ccbf5bc77";

static const char private_exponent[] =
	"1e20ea975283765441d218f98523e0354d3b73ad71709372375db03ab0259d0c2d501ec0c82049f91f6e0a20d8a964c8"
	"9b551bf274807bfa71db8724902470bf31a0425c5e160f102cf0d5366a93484de9889271aff1f6931dc5a4d320613266"
	"1afa3d97077f827558bddc127f401370df5332babba5ddb60fe1e52a5a98199f338226dc6ef211c71042ab2a2603c95c"
	"e434c97bcd5298a7aec87944a47abce62d94a037b424c113c1daf9a73f334693265691c96a9209cf7ff2c821d6a762e8"
	"d991ca8a614340984a9b9ead081bf76efec24e0853d7ae70c10e7b6899b64b039b8175743d2679e2313d6dceb53a06f0"
	"2724cbbc82888ccc16df6cc55c0cf9f1";

static const char prime1[] =
	"de205916e14114e0946284501dc0deb5a04a819d2091126851924d53867338a32fab5544594dd3287440704a8d3eccf2"
	"69fe834a291b61b1413adf383c508041991070e07b56c9bf84f4f6ffd4da4832601677c7a95042f0f811aeec88435174"
	"09607d2c703f1d27001f607f2d8ba4d1dfe183a5fa235174075ea0508ce9514f";

static const char prime2[] =
	"db97f3011ad10b14a8935a71802e13e90991267a3e9bf96464a3b92620ab1211a5fa081fdec00ea16cd4c3bb7be19d84"
	"7721e95fcfe5d61c2af797790cb4eed0ca26946c53044858d867d271986c503c2a1c858d7a16b83509c4058ac507a346"
	"f3a4b571da0a8c1bae9c857df28f37626063c4890c312418c1deece7b7520859";

static const char exponent1[] =
	"8157f0c8a3ee13cc1a5bab94435f15d04940596d37938256807962d1aa4ed9c21c75f636d091c2cda1b40c2f3d443e6f"
	"424d54021121c2a746c69348d9c63e88f42a60b036e1f8a4af353dc70718fc4569326c19357c691e8c352fd8c817fb0c"
	"4891891221627f0540cb0493c9dfb0e00d2ff24ae9f73aed07859070973d1d7d";

static const char exponent2[] =
	"5ca8e36b45eb8ba76df2afa951132067a717ce8aaabc9a2198add544976858398635d913c9a47507fcaa52e55bc2b9fa"
	"d9623fdda41631a0b528c08bdda6c356ead618af14e0abbe81a25d947d62c7007c2c88d647fc2a42871a65d4468b9084"
	"31ef0079482e472caf2370d8d26f484984aed49197c96c97ddc6b96495605211";

static const char coefficient[] =
	"c6d556a0760ad05da41976305a719741a6e2698f6d6e5d2f94a114bcd1e4c1bcaeedfc9afa6c5bf00bb92407c720f388"
	"9f79838bd6388e29043efab6bc2d4cba5cbdf837c806032b8333554746acc27b267825915853711ea1d396aca1afcd7d"
	"20b83039d0ad37c9ad75c647be2e1f1cc8ce3ef16afe2c24d647531f4aee4fc0";

#define MAX_ATTRIBUTES 64
#define BYTES 256 /* of the longest number */

/* number decodes hex digits; it returns how many bytes they are. */
static CK_ULONG number(const char *hex, CK_BYTE *out)
{
	CK_ULONG n = strlen(hex) / 2;
	for (CK_ULONG i = 0; i < n; i++) {
		char digits[3] = {hex[2 * i], hex[2 * i + 1], 0};
		out[i] = strtoul(digits, NULL, 16);
	}
	return n;
}

/* one of the key's numbers, and the attribute that it is. */
struct part { CK_ATTRIBUTE_TYPE type; const char *hex; };

/* create makes one half: what the template of C_GenerateKeyPair says, and the numbers. */
static CK_RV create(CK_FUNCTION_LIST *by, CK_SESSION_HANDLE s, CK_OBJECT_CLASS class, const struct part *parts, CK_ULONG count,
		    const CK_ATTRIBUTE *t, CK_ULONG n, CK_OBJECT_HANDLE_PTR o)
{
	CK_KEY_TYPE rsa = CKK_RSA;
	CK_BYTE values[8][BYTES];
	CK_ATTRIBUTE all[MAX_ATTRIBUTES] = {{CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &rsa, sizeof rsa}};
	CK_ULONG have = 2;
	for (CK_ULONG i = 0; i < count; i++) {
		CK_ULONG size = number(parts[i].hex, values[i]);
		all[have++] = (CK_ATTRIBUTE){parts[i].type, values[i], size};
	}
	for (CK_ULONG i = 0; i < n && have < MAX_ATTRIBUTES; i++)
		if (t[i].type != CKA_CLASS && t[i].type != CKA_KEY_TYPE && t[i].type != CKA_MODULUS_BITS &&
		    t[i].type != CKA_PUBLIC_EXPONENT)
			all[have++] = t[i];
	return by->C_CreateObject(s, all, have, o);
}

CK_RV fixed_rsa(CK_FUNCTION_LIST *by, CK_SESSION_HANDLE s, CK_ATTRIBUTE_PTR pub, CK_ULONG pubs, CK_ATTRIBUTE_PTR priv, CK_ULONG privs,
		CK_OBJECT_HANDLE_PTR a, CK_OBJECT_HANDLE_PTR b)
{
	static const struct part numbers[] = {
		{CKA_MODULUS, modulus}, {CKA_PUBLIC_EXPONENT, "010001"}, {CKA_PRIVATE_EXPONENT, private_exponent},
		{CKA_PRIME_1, prime1}, {CKA_PRIME_2, prime2}, {CKA_EXPONENT_1, exponent1}, {CKA_EXPONENT_2, exponent2},
		{CKA_COEFFICIENT, coefficient},
	};
	CK_RV rv = create(by, s, CKO_PUBLIC_KEY, numbers, 2, pub, pubs, a);
	if (rv != CKR_OK)
		return rv;
	rv = create(by, s, CKO_PRIVATE_KEY, numbers, 8, priv, privs, b);
	if (rv != CKR_OK)
		by->C_DestroyObject(s, *a);
	return rv;
}
