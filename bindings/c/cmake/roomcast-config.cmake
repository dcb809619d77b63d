# find_package(roomcast): the targets roomcast::roomcast (shared) and roomcast::static, for C and for C++. The same file serves
# `make install`, which puts it below the library's folder, and cargo-c, which puts it below share: it finds the library and
# the headers from where it lies. The tree may be moved as a whole.
include(CMakeFindDependencyMacro)
find_dependency(Threads)

get_filename_component(_roomcast_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
set(_roomcast_includedir "")
foreach(_roomcast_dir "${_roomcast_prefix}" "${_roomcast_prefix}/.." "${_roomcast_prefix}/../..")
  if(NOT _roomcast_includedir AND EXISTS "${_roomcast_dir}/include/roomcast.h")
    get_filename_component(_roomcast_includedir "${_roomcast_dir}/include" ABSOLUTE)
  endif()
endforeach()

set(_roomcast_shared "")
set(_roomcast_static "")
foreach(_roomcast_dir "${CMAKE_CURRENT_LIST_DIR}/../.." "${_roomcast_prefix}/lib" "${_roomcast_prefix}/lib64"
    "${_roomcast_prefix}/lib/${CMAKE_LIBRARY_ARCHITECTURE}")
  foreach(_roomcast_file libroomcast.so libroomcast.dylib)
    if(NOT _roomcast_shared AND EXISTS "${_roomcast_dir}/${_roomcast_file}")
      get_filename_component(_roomcast_shared "${_roomcast_dir}/${_roomcast_file}" ABSOLUTE)
    endif()
  endforeach()
  if(NOT _roomcast_static AND EXISTS "${_roomcast_dir}/libroomcast.a")
    get_filename_component(_roomcast_static "${_roomcast_dir}/libroomcast.a" ABSOLUTE)
  endif()
endforeach()

if(NOT _roomcast_includedir OR NOT (_roomcast_shared OR _roomcast_static))
  set(roomcast_FOUND FALSE)
  set(roomcast_NOT_FOUND_MESSAGE "${CMAKE_CURRENT_LIST_FILE} has no library or no roomcast.h beside it")
endif()

if(_roomcast_shared AND NOT TARGET roomcast::roomcast)
  add_library(roomcast::roomcast SHARED IMPORTED)
  set_target_properties(roomcast::roomcast PROPERTIES
    IMPORTED_LOCATION "${_roomcast_shared}"
    INTERFACE_INCLUDE_DIRECTORIES "${_roomcast_includedir}")
endif()
if(_roomcast_static AND NOT TARGET roomcast::static)
  add_library(roomcast::static STATIC IMPORTED)
  set_target_properties(roomcast::static PROPERTIES
    IMPORTED_LOCATION "${_roomcast_static}"
    IMPORTED_LINK_INTERFACE_LANGUAGES "C"
    INTERFACE_INCLUDE_DIRECTORIES "${_roomcast_includedir}")
  if(APPLE)
    set_property(TARGET roomcast::static PROPERTY INTERFACE_LINK_LIBRARIES
      "Threads::Threads;-framework Security;-framework CoreFoundation")
  else()
    set_property(TARGET roomcast::static PROPERTY INTERFACE_LINK_LIBRARIES "Threads::Threads;util;rt;m;${CMAKE_DL_LIBS}")
  endif()
endif()

foreach(_roomcast_name prefix includedir shared static dir file)
  unset(_roomcast_${_roomcast_name})
endforeach()
