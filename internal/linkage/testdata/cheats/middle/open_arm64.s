#include "textflag.h"

TEXT ·open(SB), NOSPLIT, $0-8
	MOVD $198, R8 // socket
	CALL ·harmless+4(SB)
	MOVD R0, ret+0(FP)
	RET

TEXT ·harmless(SB), NOSPLIT|NOFRAME, $0-0
	MOVD $172, R8 // getpid
	SVC
	RET
