#include "protocol/scanner.h"
