package SessionCrypto::Ways;

# The ways in which httpd leads a request on to another resource unknown to the client,
# each as files and configuration for one directory.
#
#   for my $way (ways()) {
#       $way->{name}      # in the names of assertions
#       $way->{key}       # the name of a directory
#       $way->{leads}     # 'on': the target answers; 'in': the target is included;
#                         # 'past': httpd only looks at the target
#       $way->{page}      # the kind of page it leads to: lua, cgi or shtml
#       $way->{url}       # below the directory
#       $way->{header}    # a URL that puts X-S: user=admin first
#       $way->{login}     # a URL that takes a login
#       $way->{fast}      # without another request: `ap_internal_fast_redirect`
#       $way->{own}       # leads to a file of its own directory, in <Files>
#       $config .= $way->{make}->($place);
#   }
#
# A place has:
#
#   dir       the directory's name below the document root
#   from      the directory's realm
#   target    the URL to lead to
#   own       as the way has it
#   file      writes a file into the directory
#   files     writes pages into it, named by all arguments but the first; returns the
#             configuration that puts the pages whose names match the first argument
#             into the other realm

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT_OK = qw(ways);

my $FORM = <<'END';
AuthType Form
AuthName private
AuthFormProvider file
AuthUserFile users
Require valid-user
END

my $REWRITE = "RewriteEngine On\nRewriteRule ^go\$ %s [L]\n";

# A script that sends the session header first if its query string asks for it.
my $CGI = <<'END';
#!/bin/sh
[ "$QUERY_STRING" = header ] && echo 'X-S: user=admin'
printf 'Location: %s\n\n'
END

# An error handler sees the headers that the failing request put into err_headers_out.
my $LUA_404 = <<'END';
function handle(r)
    if r.args == "header" then
        r.err_headers_out["X-S"] = "user=admin"
    end
    return 404
end
END

# Shows the session as the including page itself sees it, before and after.
my $SSI = <<'END';
OUTER=<!--#echo encoding="none" var="HTTP_SESSION" -->
OUTER_BEGAN=<!--#echo encoding="none" var="SESSION_BEGAN" -->
<!--#%s -->

OUTER=<!--#echo encoding="none" var="HTTP_SESSION" -->
OUTER_BEGAN=<!--#echo encoding="none" var="SESSION_BEGAN" -->
END

my $OUTER = qq(OUTER=<!--#echo encoding="none" var="HTTP_SESSION" -->\n);

my @WAYS = (
    {
        name => 'ErrorDocument 401', key => 'error401', leads => 'on', page => 'lua', url => 'page.lua',
        make => sub { htaccess($_[0], "${FORM}ErrorDocument 401 $_[0]{target}\n") },
    },
    {
        name => 'ErrorDocument 403', key => 'error403', leads => 'on', page => 'shtml', url => 'page.lua',
        make => sub { htaccess($_[0], "Require all denied\nErrorDocument 403 $_[0]{target}\n") },
    },
    {
        name => 'ErrorDocument 403 for a directory', key => 'error403dir', leads => 'on', page => 'cgi',
        url => '', needs => ['autoindex'],
        make => sub { htaccess($_[0], "DirectoryIndex disabled\nErrorDocument 403 $_[0]{target}\n") },
    },
    {
        name => 'ErrorDocument 404', key => 'error404', leads => 'on', page => 'cgi', url => 'none', login => 'none',
        make => sub { htaccess($_[0], "ErrorDocument 404 $_[0]{target}\n") },
    },
    {
        name => 'ErrorDocument 404 after a handler', key => 'lua404', leads => 'on', page => 'lua',
        url => 'go.lua', header => 'go.lua?header', login => 'go.lua',
        make => sub {
            $_[0]{file}->('go.lua', $LUA_404);
            htaccess($_[0], "ErrorDocument 404 $_[0]{target}\n");
        },
    },
    {
        name => 'RewriteRule in <Directory>', key => 'rewrite', leads => 'on', page => 'lua', url => 'go',
        login => 'go', needs => ['rewrite'],
        make => sub {
            # httpd applies a <Directory> section only to a directory that exists.
            $_[0]{file}->('page.lua', "\n");
            return directory($_[0], sprintf $REWRITE, $_[0]{target});
        },
    },
    {
        name => 'RewriteRule in .htaccess', key => 'rewrite-htaccess', leads => 'on', page => 'lua', url => 'go',
        login => 'go', needs => ['rewrite'],
        make => sub { htaccess($_[0], sprintf $REWRITE, $_[0]{target}) },
    },
    {
        name => 'FallbackResource', key => 'fallback', leads => 'on', fast => 1, page => 'lua', url => 'none', login => 'none',
        needs => ['dir'],
        make => sub { htaccess($_[0], "FallbackResource $_[0]{target}\n") },
    },
    {
        name => 'DirectoryIndex', key => 'index', leads => 'on', fast => 1, page => 'cgi', url => '', login => '',
        needs => ['dir'],
        make => sub { htaccess($_[0], "DirectoryIndex $_[0]{target}\n") },
    },
    {
        name => 'DirectoryIndex to a file of another realm', key => 'index-files', leads => 'on', fast => 1, page => 'lua',
        url => '', login => '', own => 'own.lua', needs => ['dir'],
        make => sub {
            htaccess($_[0], "DirectoryIndex own.lua\n");
            return $_[0]{files}->('^own\.lua$', 'own.lua');
        },
    },
    {
        name => 'type map', key => 'typemap', leads => 'on', page => 'lua', url => 'go.var', needs => ['negotiation'],
        make => sub {
            my ($place) = @_;
            $place->{file}->('go.var', "URI: go\n\nURI: ../../..$place->{target}\nContent-Type: text/plain\n");
            return '';
        },
    },
    {
        name => 'MultiViews', key => 'multiviews', leads => 'on', fast => 1, page => 'lua', url => 'own', login => 'own',
        own => '^own\.lua$', needs => ['negotiation'],
        make => sub { multiviews(@_) },
    },
    {
        name => 'Action', key => 'action', leads => 'on', page => 'lua', url => 'go.act', login => 'go.act',
        needs => ['actions'],
        make => sub {
            $_[0]{file}->('go.act', "\n");
            htaccess($_[0], "AddHandler go-on .act\nAction go-on $_[0]{target}\n");
        },
    },
    {
        name => "a CGI program's Location", key => 'cgi', leads => 'on', page => 'lua',
        url => 'go.cgi', header => 'go.cgi?header', login => 'go.cgi',
        make => sub {
            $_[0]{file}->('go.cgi', sprintf($CGI, $_[0]{target}), 0755);
            return '';
        },
    },
    {
        name => "an .asis file's Location", key => 'asis', leads => 'on', page => 'cgi',
        url => 'go.asis', header => 'header.asis', needs => ['asis'],
        make => sub {
            $_[0]{file}->('go.asis',     "Location: $_[0]{target}\n\n");
            $_[0]{file}->('header.asis', "X-S: user=admin\nLocation: $_[0]{target}\n\n");
            return '';
        },
    },
    {
        name => 'SSI include virtual', key => 'include', leads => 'in', page => 'lua', url => 'go.shtml',
        login => 'go.shtml', needs => ['include'],
        make => sub {
            $_[0]{file}->('go.shtml', sprintf $SSI, qq(include virtual="$_[0]{target}"));
            return '';
        },
    },
    # mod_include lets the inner page share the environment of the outer one.
    {
        name => 'SSI include virtual of another SSI page', key => 'include-ssi', leads => 'in', page => 'shtml', url => 'go.shtml',
        login => 'go.shtml', needs => ['include'],
        make => sub {
            $_[0]{file}->('go.shtml', sprintf $SSI, qq(include virtual="$_[0]{target}"));
            return '';
        },
    },
    {
        name => 'SSI exec cgi', key => 'exec', leads => 'in', page => 'cgi', url => 'go.shtml', login => 'go.shtml',
        needs => ['include'],
        make => sub {
            $_[0]{file}->('go.shtml', sprintf $SSI, qq(exec cgi="$_[0]{target}"));
            return '';
        },
    },
    {
        name => 'a candidate of MultiViews', key => 'multiviews-past', leads => 'past', page => 'lua', url => 'own',
        own => '^own\.html', needs => ['negotiation'],
        make => sub { multiviews(@_) },
    },
    {
        name => 'a DirectoryIndex that is not there', key => 'index-past', leads => 'past', page => 'lua', url => '',
        own => 'missing.lua', needs => ['dir'],
        make => sub {
            htaccess($_[0], "DirectoryIndex missing.lua own.lua\n");
            return $_[0]{files}->('^missing\.lua$', 'own.lua');
        },
    },
    {
        name => 'an entry of a directory listing', key => 'listing', leads => 'past', page => 'shtml', url => '',
        own => 'own.html', needs => [qw(autoindex include)],
        make => sub {
            my ($place) = @_;
            htaccess($place, "DirectoryIndex disabled\nOptions +Indexes\nHeaderName header.shtml\n");
            $place->{file}->('header.shtml', qq(REALM=$place->{from}\n<!--#printenv -->\n));
            return $place->{files}->('^own\.html$', 'own.html');
        },
    },
);

sub ways { return @WAYS }

sub htaccess {
    my ($place, $text) = @_;
    $place->{file}->('.htaccess', $text);
    return '';
}

sub directory {
    my ($place, $text) = @_;
    return qq(<Directory "\@DIR\@/htdocs/$place->{dir}">\n$text</Directory>\n);
}

# The request's Accept header chooses the candidate in Lua. The others sort before and
# after it, whatever the order of the directory.
sub multiviews {
    my ($place) = @_;
    htaccess($place, "Options +MultiViews\n");
    return $place->{files}->($place->{own}, 'own.lua', map { "own.html.$_" } qw(de en fr it nl pl));
}

1;
