//! The codes of every diagnostic of this crate. Each has a page in `docs/errors`.

macro_rules! codes {
    ($($name:ident $code:literal $meaning:literal;)*) => {
        $(#[doc = $meaning] pub(crate) const $name: &str = $code;)*
        /// Every code of this crate with its meaning in one line.
        pub const CODES: &[(&str, &str)] = &[$(($code, $meaning)),*];
    };
}

codes! {
    SYNTAX "LZ0101" "the text is not HCL";
    SYNTAX_LIMIT "LZ0102" "the text exceeds a limit of the parser, such as nesting depth";
    UNKNOWN_ATTRIBUTE "LZ0103" "a block has no attribute of that name";
    UNKNOWN_BLOCK "LZ0104" "no block of that name may stand here";
    MISSING_ATTRIBUTE "LZ0105" "a required attribute is missing or null";
    WRONG_LABELS "LZ0106" "a block has too many or too few labels";
    WRONG_OCCURRENCE "LZ0107" "a block is missing or stands too often";
    ATTRIBUTE_TWICE "LZ0108" "an attribute is written twice";
    WRONG_SHAPE "LZ0109" "an attribute has a value of the wrong type";
    NOT_LITERAL "LZ0110" "a plain value is wanted and an expression was written";
    BLOCK_OR_ATTRIBUTE "LZ0111" "a block was written as an attribute or the other way round";
    BAD_NAME "LZ0112" "a label is not a valid name";
    BAD_TYPE_CONSTRAINT "LZ0113" "the type of a variable is malformed";
    BAD_RESOURCE_TYPE "LZ0114" "the type of a resource is not of the form Namespace/type@version";
    BAD_META "LZ0115" "count, for_each, depends_on, lifecycle or timeouts is malformed";
    PLACEMENT "LZ0116" "a resource needs either resource_group or parent_id";
    DUPLICATE "LZ0201" "the same thing is declared twice";
    CYCLE "LZ0202" "values refer to each other in a circle";
    UNDECLARED "LZ0203" "a reference to something that is not declared";
    NO_VALUE "LZ0204" "a variable has no value";
    UNDECLARED_VARIABLE "LZ0205" "a value is given for a variable that is not declared";
    BAD_VARIABLE_VALUE "LZ0206" "the value of a variable has the wrong type or is null";
    VALIDATION "LZ0207" "the value of a variable fails a validation rule";
    SENSITIVE_OUTPUT "LZ0209" "an output shows a sensitive value";
    WHICH_ACCOUNT "LZ0210" "a resource does not say which cloud account it belongs to";
    BAD_REPETITION "LZ0211" "count or for_each has a value that cannot be used";
    RULE_LOOKS_ELSEWHERE "LZ0290" "a validation does not look at its variable";
    BAD_SOURCE "LZ0232" "the source of a module is not a directory that can be read";
    MODULE_CYCLE "LZ0233" "modules call each other in a circle, or too deeply";
    ROOT_ONLY "LZ0234" "a block of the root module stands in a module that is called";
    BAD_ADDRESS "LZ0235" "moved, removed or import names something that is no address";
    BAD_MOVE "LZ0236" "moved or removed contradicts the configuration or itself";
    CHECK "LZ0237" "what a check asserts does not hold";
    DEPRECATED "LZ0238" "a value is given to a variable that is deprecated";
    CONDITION "LZ0212" "a precondition or postcondition does not hold";
    NO_INSTANCE "LZ0213" "each, count or self is used where it has no meaning";
    NOT_SUPPORTED "LZ0230" "Not supported by this version";
    NO_ATTRIBUTE "LZ0301" "a value has no attribute of that name";
    BAD_INDEX "LZ0302" "an index does not fit the value";
    BAD_OPERAND "LZ0303" "an operand has the wrong type";
    UNKNOWN_FUNCTION "LZ0304" "there is no function of that name";
    WRONG_ARGUMENTS "LZ0305" "a function is called with too few or too many arguments";
    FUNCTION_FAILED "LZ0306" "a function cannot work with its arguments";
    BAD_CONDITIONAL "LZ0307" "the results of a conditional have no common type";
    BAD_TEMPLATE "LZ0308" "a value cannot stand in a template";
    BAD_FOR "LZ0309" "a for expression cannot be evaluated";
    NULL_VALUE "LZ0310" "null stands where a value is needed";
    EVALUATION_LIMIT "LZ0311" "an expression exceeds a limit of the evaluator";
    BAD_KEY "LZ0312" "the key of an object element cannot be used";
    NOT_KNOWN "LZ0313" "a value must be known while planning and is not";
    UNKNOWN_NAME "LZ0314" "a bare name that means nothing here";
}
