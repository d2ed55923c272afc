/* Clicks buttons of whatever program shows them, one after the other, by the beginnings of their labels. */

#include <stdio.h>
#include <windows.h>

static const char *wanted;
static HWND found;

static BOOL CALLBACK look_at(HWND child, LPARAM unused)
{
    char label[200], plain[200], *end = plain;

    (void)unused;
    GetWindowTextA(child, label, sizeof label);
    for (char *at = label; *at; at++)
        if (*at != '&')
            *end++ = *at;
    *end = 0;
    if (!strncmp(plain, wanted, strlen(wanted)) && IsWindowVisible(child) && IsWindowEnabled(child))
        found = child;
    return !found;
}

static BOOL CALLBACK look_into(HWND window, LPARAM unused)
{
    (void)unused;
    EnumChildWindows(window, look_at, 0);
    return !found;
}

int main(int count, char **words)
{
    for (int at = 1; at < count; at++) {
        found = 0;
        wanted = words[at];
        for (int tries = 0; !found && tries < 300; tries++) {
            EnumWindows(look_into, 0);
            if (!found)
                Sleep(100);
        }
        if (!found) {
            printf("nobody shows \"%s\"\n", wanted);
            return 1;
        }
        PostMessageA(found, BM_CLICK, 0, 0);
        Sleep(300);
    }
    return 0;
}
