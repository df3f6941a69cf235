#include "textflag.h"

TEXT ·open(SB), NOSPLIT, $16-8
	MOVD $172, R3 // getpid
	MOVD R3, 8(RSP)
	ADD  $8, RSP, R4
	MOVD $198, R5 // socket
	MOVD R5, (R4)
	MOVD 8(RSP), R8
	SVC
	MOVD R0, ret+0(FP)
	RET
