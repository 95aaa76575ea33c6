/* Brings in cmocka and the headers it wants before it, in the order it wants them.
 *
 * Nothing else includes cmocka. */
#ifndef COF_TESTS_SUPPORT_TESTING_H
#define COF_TESTS_SUPPORT_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
