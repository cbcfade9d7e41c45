// The build puts the package's own modules beside this, since a browser can't look for packages by name.
export * from 'diff';
