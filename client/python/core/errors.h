// libpannier's exceptions as those of the Python module pannier.errors.
#pragma once

namespace pannier::python {

/// From now on, what a function of this module throws of pannier/error.h is raised as the class of
/// pannier.errors that stands for it. Once, when the module is loaded.
void translate_errors();

}  // namespace pannier::python
