/*
 * The host puts what it gives into memory that it asks the guest's own malloc for. Modules that use something which
 * gives so link the export, and no others do.
 */
#pragma once

#include <stddef.h>

void* faasmMalloc(size_t size);

#define FAASM_NEEDS_MALLOC __attribute__((used)) static void* (*const needsMalloc)(size_t) = faasmMalloc
