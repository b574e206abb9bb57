#include "malloc_export.h"

#include <stdlib.h>

__attribute__((export_name("malloc"))) void* faasmMalloc(size_t size) { return malloc(size); }
