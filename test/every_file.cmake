# every_file_is_a_test(FOLDER): stops when a file below FOLDER (this one) is part of no test. CMake
# drops such a file without a word: a unit test of a room that does not exist, a test in the wrong
# folder, a script that no CMakeLists.txt names, seeds of no fuzz target.
#
# static/strays.sh runs this file by itself: cmake -DFOLDER=test -P test/every_file.cmake
set(TEST_ROOMS sni config router bench)

# What each folder may hold, as regular expressions of paths. A script of e2e/ or static/ has to be
# named in the CMakeLists.txt beside it as well.
string(REPLACE ";" "|" rooms "${TEST_ROOMS}")
set(KNOWN_FILES
    CMakeLists.txt every_file.cmake run
    "unit/test_(${rooms})_[a-z0-9_]+\\.c" "unit/(data|fixtures)/.+"
    "loop/(test_|harness)[a-z0-9_]*\\.[ch]"
    "fuzz/fuzz_(${rooms})_[a-z0-9_]+\\.c" "fuzz/seeds_fuzz_.+/.+"
    "support/[a-z0-9_]+\\.[ch]"
    e2e/CMakeLists.txt "e2e/[a-z0-9_]+\\.py" "e2e/support/[a-z_]+\\.(py|c)"
    static/CMakeLists.txt "static/[a-z0-9_]+\\.(sh|py)" "static/support/[a-z_]+\\.py")
list(JOIN KNOWN_FILES "|" KNOWN_FILES)

# Whether the CMakeLists.txt beside a script names it; the load tool's tests are taken by pattern.
function(is_named folder path out)
    get_filename_component(name ${path} NAME)
    get_filename_component(beside ${path} DIRECTORY)
    file(STRINGS ${folder}/${beside}/CMakeLists.txt lines REGEX "[( ]${name}[) ]")
    if(lines OR path MATCHES "^e2e/bench_")
        set(${out} YES PARENT_SCOPE)
    else()
        set(${out} NO PARENT_SCOPE)
    endif()
endfunction()

# Why no test is made of a file; empty when one is.
function(why_no_test folder path out)
    set(why "")
    if(NOT path MATCHES "^(${KNOWN_FILES})$")
        set(why "it matches none of the patterns in test/every_file.cmake")
    elseif(path MATCHES "^(e2e|static)/[^/]+\\.(py|sh)$")
        is_named(${folder} ${path} named)
        if(NOT named)
            set(why "no line of the CMakeLists.txt beside it names it")
        endif()
    elseif(path MATCHES "^fuzz/seeds_([^/]+)/")
        set(target ${CMAKE_MATCH_1})
        if(NOT EXISTS ${folder}/fuzz/${target}.c)
            set(why "there is no fuzz target ${target}")
        endif()
    endif()
    set(${out} "${why}" PARENT_SCOPE)
endfunction()

function(every_file_is_a_test folder)
    set(strays "")
    set(again CONFIGURE_DEPENDS) # a new file configures the build anew
    if(CMAKE_SCRIPT_MODE_FILE)
        set(again)
    endif()
    file(GLOB_RECURSE paths ${again} RELATIVE ${folder} ${folder}/*)
    list(FILTER paths EXCLUDE REGEX "(^|/)(__pycache__|\\.gitattributes)")
    foreach(path ${paths})
        why_no_test(${folder} ${path} why)
        if(why)
            string(APPEND strays "\n  test/${path}: ${why}")
        endif()
    endforeach()
    if(strays)
        message(FATAL_ERROR "no test is made of these files:${strays}")
    endif()
endfunction()

if(CMAKE_SCRIPT_MODE_FILE)
    get_filename_component(FOLDER ${FOLDER} ABSOLUTE)
    every_file_is_a_test(${FOLDER})
endif()
