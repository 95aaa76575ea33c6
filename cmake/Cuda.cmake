# The CUDA compiler, called for one file at a time.
#
# Not CMake's own language: that looks for a toolkit as NVIDIA's installers lay it out and tries to
# link a program with it, while ours is what scripts/deps-cuda unpacked into
# <cache>/cuda-<first 16 hex digits of the SHA-256 of third_party/cuda.tsv>/.
#
#   cof_cuda_object(<variable> kernels.cu)   an object file for target_sources()
#   cof_cuda_runtime                         what to link beside it

set(cof_cuda_pins ${PROJECT_SOURCE_DIR}/third_party/cuda.tsv)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${cof_cuda_pins})
file(SHA256 ${cof_cuda_pins} cof_cuda_hash)
string(SUBSTRING ${cof_cuda_hash} 0 16 cof_cuda_hash)
set(COF_CUDA_PREFIX ${cof_cache}/cuda-${cof_cuda_hash} CACHE PATH "Folder of the CUDA toolkit")
# Ampere and Hopper as they are; Ada runs the first, later ones compile the last when they start.
set(COF_CUDA_ARCHITECTURES arch=compute_80,code=sm_80 arch=compute_90,code=[sm_90,compute_90]
    CACHE STRING "What the kernels are compiled for, as nvcc's -gencode takes it")

foreach(file IN ITEMS bin/nvcc include/cuda_runtime_api.h)
  if(NOT EXISTS ${COF_CUDA_PREFIX}/${file})
    message(FATAL_ERROR "COF_WITH_CUDA needs ${COF_CUDA_PREFIX}/${file}: run scripts/deps-cuda, or "
                        "name another toolkit with -DCOF_CUDA_PREFIX=FOLDER")
  endif()
endforeach()

find_library(COF_LIB_cudart cudart_static PATHS ${COF_CUDA_PREFIX}/lib ${COF_CUDA_PREFIX}/lib64
             NO_DEFAULT_PATH REQUIRED)
mark_as_advanced(COF_LIB_cudart)
add_library(cof_cuda_runtime INTERFACE)
target_link_libraries(cof_cuda_runtime INTERFACE ${COF_LIB_cudart} Threads::Threads dl rt stdc++)
target_include_directories(cof_cuda_runtime SYSTEM INTERFACE ${COF_CUDA_PREFIX}/include)

function(cof_cuda_object out_object source)
  set(object ${CMAKE_CURRENT_BINARY_DIR}/${source}.o)
  set(generate)
  foreach(architecture IN LISTS COF_CUDA_ARCHITECTURES)
    list(APPEND generate -gencode ${architecture})
  endforeach()
  get_filename_component(folder ${object} DIRECTORY)
  file(MAKE_DIRECTORY ${folder})
  add_custom_command(OUTPUT ${object}
      COMMAND ${COF_CUDA_PREFIX}/bin/nvcc -c ${CMAKE_CURRENT_SOURCE_DIR}/${source} -o ${object}
              -std=c++17 -O3 -Werror all-warnings -Xcompiler=-fPIE,-Wall,-Wextra
              -ccbin ${CMAKE_CXX_COMPILER} ${generate} -MD -MF ${object}.d
      DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${source} DEPFILE ${object}.d
      COMMENT "Building CUDA object ${source}.o" VERBATIM)
  set_source_files_properties(${object} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
  set(${out_object} ${object} PARENT_SCOPE)
endfunction()
