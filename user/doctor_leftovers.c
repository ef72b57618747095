#include "doctor_checks.h"
void doctor_check_leftovers(struct doctor_report *r) { (void)r; (void)r; }
