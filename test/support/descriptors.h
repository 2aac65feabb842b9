#ifndef SUPPORT_DESCRIPTORS_H
#define SUPPORT_DESCRIPTORS_H

/* How many descriptors the process has open. */
int descriptors_count(void);

#endif
